//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::judge::Spec;

/// Runtime control for AI agents: judges an action before it executes.
#[derive(Debug, Parser)]
#[command(
    name = "checkrein",
    version,
    propagate_version = true,
    after_help = "\
First steps:
  checkrein tour                          a dozen actions, judged and explained
  checkrein decide examples/tour/03-small-refund.json
                                          judge one action; the exit code tells the verdict
  checkrein rules test policies           prove every shipped rule by its cases

Documents and errors go to standard output and standard error; nothing is sent anywhere."
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge one action and say why
    #[command(after_help = "\
The input is one JSON object, an action alone or with what is known about the agent:

  { \"action\": { \"kind\": \"payment\", \"operation\": \"pay\", \"tool\": \"refund\", ... },
    \"facts\":  { \"agent\": { \"roles\": [\"Finance-Agent\"], \"registered\": true } } }

`checkrein schema` prints the full schema of both.

Exit codes:
   0  allow or alert: the action would run as sent
  10  constrain      11  sandbox      12  approve      13  block
   2  the command line is wrong       3  the input or the rules cannot be read

Examples:
  checkrein decide examples/tour/03-small-refund.json
  checkrein decide --preset strict --explain full --json - < action.json")]
    Decide(Decide),

    /// Look for threats in texts: JSON lines in, JSON lines out
    #[command(after_help = "\
Each line in:   {\"id\": \"1\", \"text\": \"...\"}
Each line out:  {\"id\": \"1\", \"flagged\": true, \"detections\": [
                  {\"vector\": \"sql_injection\", \"rule\": \"sqli.tautology\", \"confidence\": 90,
                   \"severity\": \"high\", \"span\": [0, 11]}]}

`span` counts characters of the text, first and one past the last. A line that cannot be read
gives {\"id\": null, \"error\": {\"code\": ..., \"message\": ...}} and the rest goes on. Order is kept.

Example:
  echo '{\"id\":1,\"text\":\"1 OR 1=1\"}' | checkrein scan --channel sql_value")]
    Scan(Scan),

    /// Check, test, compare and explain rules
    #[command(subcommand)]
    Rules(Rules),

    /// Replace sensitive values in a text; keeps what is needed to put them back
    #[command(after_help = "\
Example:
  checkrein redact --map map.json < prompt.txt > safe.txt
  checkrein restore --map map.json < answer.txt

The map holds the original values under the key that you give (CHECKREIN_KEY, 64 hexadecimal
digits). Keep both as safe as the text itself.")]
    Redact(Redact),

    /// Put the original values back into a text
    Restore(Restore),

    /// Check rule packs, action files and the built-in data; report every fault at once
    Check(Check),

    /// Print how fast decisions are on this machine
    Bench(Bench),

    /// Train the prompt-injection model and write its weights and model card
    #[command(name = "train-injection")]
    TrainInjection(TrainInjection),

    /// Measure detection on labelled corpora, and Rego on its public test suite
    Report(Report),

    /// Run the server: agents ask, operators decide, everything is on the ledger
    #[command(after_help = "\
The settings are one YAML file; every fault in it is told at once:

  data: data                     # folder of everything that is kept
  tenant: example
  log: example.org/node-a        # name under which the ledger signs
  environments:
    production: { mode: enforce, fail: { reads: closed, effects: closed } }

The first start prints the token of the first operator, once. Logs go to standard error;
CHECKREIN_LOG=debug shows more.")]
    Serve(Serve),

    /// Work with the files of the ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),

    /// Cosign checkpoints of ledgers; refuses forks and rollbacks
    #[command(after_help = "\
A witness belongs into another trust domain than the logs it looks after: another machine, another
operator. It signs a checkpoint only if it continues the one that it signed before.

Example:
  checkrein witness --name witness.example/1 --log ledger.pub --data /var/lib/witness")]
    Witness(WitnessArgs),

    /// Answer like the providers of models do, from a script; for tests and trials
    #[command(after_help = "\
Speaks OpenAI chat and responses, Anthropic messages, Gemini, Bedrock converse, Cohere and Ollama,
plain and streamed. Any key is taken. Without a script it echoes what the user said last.

A script:
  replies:
    - when: refund                      # in what the user said last; absent: always
      text: I pay it back.
      calls: [ { tool: refund, arguments: '{\"amount\": 40}' } ]
      pieces: 12                        # of a streamed text
      delay_ms: 100                     # before the first byte
      gap_ms: 20                        # between events
    - when: overloaded
      status: 503                       # or `cut_off: true`, or `garbage: true`

Example:
  checkrein mock-provider --script replies.yaml")]
    MockProvider(MockProvider),

    /// Stand between an MCP client and a server that speak over standard input and output
    #[command(after_help = "\
Every message is judged by the running Checkrein before it goes on; where that cannot be reached,
nothing goes on. The server's name is one of the section `mcp` of its settings, and the agent's key
is taken from the variable CHECKREIN_AGENT_KEY. Errors of the server pass through.

Example, in the place of `npx server-files /srv` in a client's configuration:
  checkrein mcp --server files -- npx server-files /srv")]
    Mcp(McpWrapper),

    /// A guided tour: a dozen actions, judged and explained
    Tour,

    /// Print the providers of models: where they are, what they speak, what they cost
    Providers,

    /// Let a few agents act against a running server
    #[command(after_help = "\
The agents of examples/server/estate.json ask before they act: refunds, queries, changes of records,
an export of customers, a script from the network. An approver of the demo decides what waits.
The server must run; `make run` starts one with the example settings and then this.

Example:
  checkrein serve --config examples/server/checkrein.yaml --first-token admin.token
  checkrein demo --token-file admin.token --seconds 60")]
    Demo(Demo),

    /// Print the JSON schema of actions, facts and decisions, or the operators' API
    Schema {
        #[arg(value_enum, default_value_t = Contract::Action)]
        contract: Contract,
    },

    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },

    /// Print the manual page
    Man,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Contract {
    /// Actions, facts and decisions (JSON Schema)
    Action,
    /// The operators' API (OpenAPI)
    Operators,
}

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Verify a bundle, or a server's ledger as it lies: chain, tree, signatures, completeness
    #[command(after_help = "\
Exit codes, the same as of the `verify.py` in each bundle:
   0  clean                 3  clean, with gaps that the log declares
   4  tampered: the first bad record is named
   5  cannot decide

Example:
  checkrein ledger verify june.evidence.tar.gz --key ledger.pub")]
    Verify(VerifyArgs),

    /// Write a bundle of records that verifies offline, with a verifier in Python beside it
    Export(ExportArgs),

    /// Print records as they are written, of a server that runs or does not
    Tail(TailArgs),

    /// Write the proof of one record: it verifies offline, without the rest of the log
    #[command(after_help = "\
Example:
  checkrein ledger prove dec_01j… --out refund.proof
  checkrein ledger verify-proof refund.proof --key ledger.pub")]
    Prove(ProveArgs),

    /// Verify the proof of one record; exit codes as of `verify`
    VerifyProof(VerifyProofArgs),

    /// Destroy what a running server keeps of a person
    #[command(after_help = "\
Content, salts and the person's key are destroyed; the log keeps a pseudonym that then stands for
nobody. It cannot be undone. Needs the token of an operator with the role admin.

Example:
  checkrein ledger erase maria@shop.example --basis gdpr.17 --token-file admin.token")]
    Erase(EraseArgs),

    /// Let a log that was damaged go on; says so on the log
    Repair(RepairArgs),
}

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Where to write the bundle
    pub out: PathBuf,

    /// The server's settings
    #[arg(long, default_value = "checkrein.yaml", value_name = "FILE")]
    pub config: PathBuf,

    /// The first record
    #[arg(long, default_value_t = 0, value_name = "SEQUENCE")]
    pub from: u64,

    /// Up to the first signed head of at least this size; the newest, when absent
    #[arg(long, value_name = "SIZE")]
    pub until: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub struct TailArgs {
    /// The server's settings
    #[arg(long, default_value = "checkrein.yaml", value_name = "FILE")]
    pub config: PathBuf,

    /// The first record; the last ten, when absent
    #[arg(long, value_name = "SEQUENCE")]
    pub from: Option<u64>,

    /// Go on with what is written later
    #[arg(long, short)]
    pub follow: bool,

    /// Print records as they stand: canonical JSON, one a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ProveArgs {
    /// The record: its sequence, or the id of a decision
    pub what: String,

    /// Where to write the proof; standard output, when absent
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// The server's settings
    #[arg(long, default_value = "checkrein.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct VerifyProofArgs {
    /// The proof
    pub path: PathBuf,

    /// A key of the log, or a file with one, that came by another way than the proof
    #[arg(long = "key", value_name = "KEY", required = true)]
    pub keys: Vec<String>,

    /// The key of a witness, or a file with one, whose cosignature is wanted
    #[arg(long = "witness", value_name = "KEY")]
    pub witnesses: Vec<String>,

    /// How many of the witnesses are enough; all, when absent
    #[arg(long, value_name = "N")]
    pub cosigned: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub struct EraseArgs {
    /// The identity by which agents act for the person
    pub person: String,

    /// The legal ground; stands on the log
    #[arg(long, value_name = "NAME")]
    pub basis: String,

    /// Where operators work
    #[arg(long, default_value = "http://127.0.0.1:7071", value_name = "URL")]
    pub operators: String,

    /// A file that holds the operator's token
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct RepairArgs {
    /// Who decides that the log goes on; stands on it
    #[arg(long, value_name = "NAME")]
    pub by: String,

    /// The server's settings
    #[arg(long, default_value = "checkrein.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The bundle; without one, the ledger of the server with these settings
    pub path: Option<PathBuf>,

    /// The server's settings
    #[arg(long, default_value = "checkrein.yaml", value_name = "FILE")]
    pub config: PathBuf,

    /// A key of the log, or a file with one, that came by another way than the bundle
    #[arg(long = "key", value_name = "KEY")]
    pub keys: Vec<String>,

    /// The key of a witness, or a file with one, whose cosignature is wanted
    #[arg(long = "witness", value_name = "KEY")]
    pub witnesses: Vec<String>,

    /// How many of the witnesses are enough; all, when absent
    #[arg(long, value_name = "N")]
    pub cosigned: Option<usize>,

    /// Print the whole report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct WitnessArgs {
    /// The name under which it signs, unique in the world
    #[arg(long, value_name = "NAME")]
    pub name: String,

    /// A log to look after: its verifier key, or a file with it. May be given more than once
    #[arg(long = "log", value_name = "KEY")]
    pub logs: Vec<String>,

    /// The folder of its key and of what it signed. It must never be put back to an older state
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:7072", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
}

#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The settings file
    #[arg(long, default_value = "checkrein.yaml", value_name = "FILE")]
    pub config: PathBuf,

    /// Only check the settings
    #[arg(long)]
    pub check: bool,

    /// On the first start, write the first operator's token to a new file instead of printing it
    #[arg(long, value_name = "FILE")]
    pub first_token: Option<PathBuf>,

    /// How logs are written
    #[arg(long, value_enum, default_value_t = LogForm::Text)]
    pub log: LogForm,
}

#[derive(Debug, clap::Args)]
pub struct MockProvider {
    /// What it answers
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,

    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:7079", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
}

#[derive(Debug, clap::Args)]
pub struct McpWrapper {
    /// The server's name in the settings of the running Checkrein
    #[arg(long, value_name = "NAME")]
    pub server: String,

    /// Where agents reach the running Checkrein
    #[arg(long, default_value = "http://127.0.0.1:7070", value_name = "URL")]
    pub at: String,

    /// The command that starts the server
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Where agents ask
    #[arg(long, default_value = "http://127.0.0.1:7070", value_name = "URL")]
    pub agents: String,

    /// Where operators work
    #[arg(long, default_value = "http://127.0.0.1:7071", value_name = "URL")]
    pub operators: String,

    /// A file that holds the token of an operator with the role admin
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,

    /// How long the agents act
    #[arg(long, default_value_t = 120, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,

    /// Between two acts of one agent, in milliseconds
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub pause_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    Text,
    Json,
}

/// Which rules to judge by.
#[derive(Debug, Clone, clap::Args)]
pub struct RuleArgs {
    /// Rule files or folders (YAML and Rego), beside the preset. May be given more than once
    #[arg(long = "rules", value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// A shipped set of rules to start from
    #[arg(long, value_enum, default_value_t = Preset::Standard)]
    pub preset: Preset,
}

/// Classifiers to ask before the engine.
#[derive(Debug, Clone, clap::Args)]
pub struct JudgeArgs {
    /// Also ask a classifier in an ONNX file; its answer advises and decides nothing by itself
    ///
    /// NAME=MODEL,TOKENIZER,sha256=MODEL_HEX:TOKENIZER_HEX and then, as wanted,
    /// `deadline=500ms` (how long one action may take it), `from=50` (per cent from which it is a
    /// hit) and `tokens=256` (of one window). For example:
    ///
    ///   --judge guard=guard.onnx,tokenizer.json,sha256=1f0c...:9be2...,deadline=200ms
    ///
    /// The model takes `input_ids` (and `attention_mask`, `token_type_ids`) and gives one score for
    /// each label, the harmless one first. The tokenizer is a `tokenizer.json` with a unigram or
    /// WordPiece model. A hit is reported as `judge.NAME`. A judge that cannot answer is reported
    /// as `judge.NAME.unavailable` or `judge.NAME.timeout`; it never counts as clean. Needs a build
    /// with `--features onnx`; in any other every judge is unavailable.
    #[arg(
        long = "judge",
        value_name = "NAME=MODEL,TOKENIZER,sha256=HEX:HEX",
        value_parser = Spec::parse,
        verbatim_doc_comment
    )]
    pub judges: Vec<Spec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// A rule for every threat vector, and the score bands
    Standard,
    /// Standard, with lower thresholds and approvals for every change in production
    Strict,
    /// Standard, with higher thresholds: for a first look
    Permissive,
    /// Standard, with rules for health data
    Hipaa,
    /// Standard, with rules for payment data
    PciDss,
    /// Standard, with rules for personal data
    Gdpr,
    /// The defaults alone
    Defaults,
    /// No rules but the score bands
    None,
}

#[derive(Debug, clap::Args)]
pub struct Decide {
    /// The file with the action; `-` reads standard input
    pub file: PathBuf,

    #[command(flatten)]
    pub rules: RuleArgs,

    #[command(flatten)]
    pub judges: JudgeArgs,

    /// How much of the reason to show: what a caller would see under this setting
    #[arg(long, value_enum, default_value_t = Explain::Full)]
    pub explain: Explain,

    /// Print the whole decision as JSON
    #[arg(long)]
    pub json: bool,

    /// Judge as of this time instead of the action's own (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Explain {
    /// Only that it was refused, with a receipt
    None,
    /// One reason code
    Category,
    /// Everything: for operators and the record
    Full,
}

#[derive(Debug, clap::Args)]
pub struct Scan {
    /// What the texts are
    #[arg(long, value_enum)]
    pub channel: ScanChannel,

    /// Further detection rules (YAML)
    #[arg(long = "rules", value_name = "PATH")]
    pub rules: Vec<PathBuf>,

    #[command(flatten)]
    pub judges: JudgeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ScanChannel {
    /// What a user typed
    User,
    /// A document that an agent read: mail, page, file, tool output
    Document,
    /// What came out of an agent's memory
    Memory,
    /// A value that goes into a query
    SqlValue,
    /// A whole SQL statement
    SqlStatement,
    /// A shell command
    Shell,
    /// Markup that will be rendered
    Html,
    /// A file path
    Path,
    /// An address to fetch
    Url,
    /// The arguments of a tool call
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Read rules, report every fault, and say which rules can never fire or contradict each other
    Check { paths: Vec<PathBuf> },
    /// Run the cases that stand beside the rules
    Test { paths: Vec<PathBuf> },
    /// Compare two sets of rules: what changed, and which cases come out differently
    Diff {
        before: PathBuf,
        after: PathBuf,
        /// Actions (JSON lines of what `decide` takes) to run through both
        #[arg(long, value_name = "FILE")]
        actions: Option<PathBuf>,
    },
    /// Print the tables that rules are written with: conditions, vectors, limits, detection rules
    Reference,
    /// Say in words what one rule does, or list them all
    Explain {
        /// The id of the rule; all when absent
        id: Option<String>,
        #[command(flatten)]
        rules: RuleArgs,
    },
}

#[derive(Debug, clap::Args)]
pub struct Redact {
    /// How values are replaced
    #[arg(long, value_enum, default_value_t = RedactMode::Synthetic)]
    pub mode: RedactMode,

    /// Where to write what `restore` needs (synthetic mode)
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,

    /// The key, as 64 hexadecimal digits
    #[arg(long, env = "CHECKREIN_KEY", hide_env_values = true, value_name = "HEX")]
    pub key: String,

    /// The text; standard input when absent
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RedactMode {
    /// Realistic values of the same form that can be turned back
    Synthetic,
    /// Stars, with the last characters kept where that is customary
    Mask,
    /// A keyed hash: equal values stay equal
    Hash,
}

#[derive(Debug, clap::Args)]
pub struct Restore {
    /// What `redact --map` wrote
    #[arg(long, value_name = "FILE")]
    pub map: PathBuf,

    /// The key, as 64 hexadecimal digits
    #[arg(long, env = "CHECKREIN_KEY", hide_env_values = true, value_name = "HEX")]
    pub key: String,

    /// The text; standard input when absent
    pub file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Check {
    /// Files or folders; the built-in data is always checked
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Decisions to time in each row
    #[arg(long, default_value_t = 2000)]
    pub rounds: usize,

    /// Print JSON lines instead of a table
    #[arg(long)]
    pub json: bool,

    /// Decide the action of one row `rounds` times after one warm-up, untimed, for counting instructions
    #[arg(long, value_name = "ROW", hide = true)]
    pub count: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct TrainInjection {
    /// The folder with the corpora (*.jsonl.gz)
    pub dir: PathBuf,

    /// Where to write `injection.bin` and `injection.md`; compares with the built-in weights when absent
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Report {
    /// The folder with the corpora (*.jsonl.gz)
    pub dir: PathBuf,

    /// Only this part
    #[arg(long, value_enum)]
    pub only: Option<ReportPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportPart {
    /// Texts through the detectors
    Detect,
    /// Attacks and harmless texts in disguise
    Disguise,
    /// Cross-validated figures of the injection model
    Injection,
    /// Sessions: taint and sequences
    Sessions,
    /// The public Rego test suite
    Opa,
}
