//! `checkrein rules`: check, test, compare and explain.

use std::io::Write;
use std::path::{Path, PathBuf};

use action::Verdict;
use anyhow::{Context, Result, anyhow, bail};
use engine::Rules;
use engine::detect::Detectors;
use engine::policy::Source;
use engine::policy::cases::{self, Case, Outcome};
use engine::policy::diff::RuleChange;
use engine::yaml::Faults;

use super::decide::Question;
use crate::cli::{self, Preset};
use crate::exit::Exit;
use crate::{input, packs};

pub fn run(args: &cli::Rules) -> Result<Exit> {
    match args {
        cli::Rules::Check { paths } => check(paths),
        cli::Rules::Test { paths } => test(paths),
        cli::Rules::Diff { before, after, actions } => diff(before, after, actions.as_deref()),
        cli::Rules::Reference => reference(),
        cli::Rules::Explain { id, rules } => explain(id.as_deref(), rules),
    }
}

/// The detectors of a preset-free set: what ships, and an operator's own rules.
pub fn detectors(paths: &[PathBuf]) -> Result<Detectors> {
    Ok(packs::load(Preset::None, paths)?.detectors)
}

/// One file, or one folder with a Rego module, that is loaded as a whole.
struct Pack {
    name: String,
    files: Vec<(String, String)>,
}

impl Pack {
    /// A folder that holds Rego is one pack: the module and what declares it belong together.
    fn all(paths: &[PathBuf]) -> Result<Vec<Pack>> {
        let mut packs: Vec<Pack> = Vec::new();
        for path in input::files(paths, packs::ENDINGS)? {
            let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
            let together = std::fs::read_dir(&folder).is_ok_and(|entries| {
                entries.flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "rego"))
            });
            let name = if together { folder.display().to_string() } else { path.display().to_string() };
            let file = (path.display().to_string(), input::text(Some(&path))?);
            match packs.iter_mut().find(|pack| pack.name == name) {
                Some(pack) => pack.files.push(file),
                None => packs.push(Pack { name, files: vec![file] }),
            }
        }
        if packs.is_empty() {
            bail!("no rule files (`*.yaml`, `*.rego`) were found; name files or folders that hold some");
        }
        Ok(packs)
    }

    /// The pack in force beside the product's defaults, or alone when it is the defaults.
    fn load(&self) -> Result<Rules, Faults> {
        let own: Vec<Source<'_>> = self.files.iter().map(|(file, text)| Source { file, text }).collect();
        let alone = own.iter().any(|source| packs::is_default(source.text));
        let mut sources = packs::sources(if alone { Preset::None } else { Preset::Defaults });
        sources.extend(own);
        Rules::load(&sources)
    }

    fn holds(&self, file: &str) -> bool {
        self.files.iter().any(|(name, _)| name == file)
    }
}

pub fn check(paths: &[PathBuf]) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let mut sound = true;
    for pack in Pack::all(paths)? {
        match pack.load() {
            Ok(rules) => {
                let count = rules.policies.rules().iter().filter(|rule| pack.holds(&rule.place.file)).count();
                let detectors = rules.detectors.book.rules().filter(|rule| pack.holds(&rule.file)).count();
                writeln!(out, "{}: {} rules, no faults", pack.name, count + detectors)?;
                let remarks = engine::policy::analyse(&rules.policies, crate::clock::now());
                for remark in remarks.iter().filter(|remark| pack.holds(&remark.file)) {
                    writeln!(out, "{remark}")?;
                }
            }
            Err(faults) => {
                sound = false;
                writeln!(out, "{}: {}", pack.name, packs::told(&faults))?;
            }
        }
    }
    Ok(if sound { Exit::Success } else { Exit::BadInput })
}

fn test(paths: &[PathBuf]) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let (mut ran, mut failed) = (0usize, 0usize);
    for pack in Pack::all(paths)? {
        let rules = pack.load().map_err(|faults| anyhow!("{}: {}", pack.name, packs::told(&faults)))?;
        let mut faults = Faults::default();
        let cases: Vec<Case> = cases::of(&rules.policies, &mut faults)
            .into_iter()
            .filter(|case| pack.holds(&case.file))
            .collect();
        if !faults.is_empty() {
            bail!("{}: {}", pack.name, packs::told(&faults));
        }
        let before = failed;
        for case in &cases {
            ran += 1;
            let wrong = run_case(case, &rules);
            if !wrong.is_empty() {
                failed += 1;
                writeln!(out, "FAILED {}", case.title())?;
                wrong.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
            }
        }
        for failure in rules.detectors.book.test() {
            let ours =
                rules.detectors.book.rules().any(|rule| rule.id == failure.rule && pack.holds(&rule.file));
            if ours {
                failed += 1;
                let list = if failure.wanted_hit { "hit" } else { "miss" };
                writeln!(
                    out,
                    "FAILED rule {}: case {} of `{list}` went the other way",
                    failure.rule, failure.number
                )?;
            }
        }
        writeln!(out, "{}: {} cases, {} failed", pack.name, cases.len(), failed - before)?;
    }
    writeln!(out, "{} passed, {failed} failed", ran.saturating_sub(failed))?;
    Ok(if failed == 0 { Exit::Success } else { Exit::Found })
}

/// What is not as the case wants it.
pub fn run_case(case: &Case, rules: &Rules) -> Vec<String> {
    match &case.given {
        Some(given) => {
            let judgement = engine::policy::judge(&case.judged(given), &rules.policies);
            case.want.check(&Outcome::of_judgement(&judgement, given))
        }
        None => {
            let decision = engine::decide(&case.action, &case.facts, rules, case.now);
            case.want.check(&Outcome::of_decision(&decision))
        }
    }
}

fn diff(before: &Path, after: &Path, actions: Option<&Path>) -> Result<Exit> {
    let load = |path: &Path| packs::load(Preset::Defaults, &[path.to_owned()]);
    let (old, new) = (load(before)?, load(after)?);
    let mut out = std::io::stdout().lock();
    let mut differs = false;
    for change in engine::policy::diff::rules(&old.policies, &new.policies) {
        differs = true;
        writeln!(out, "{}", in_words(&change))?;
    }
    if let Some(path) = actions {
        differs |= replay(&mut out, path, &old, &new)?;
    }
    if !differs {
        writeln!(out, "no difference")?;
    }
    Ok(if differs { Exit::Found } else { Exit::Success })
}

fn in_words(change: &RuleChange) -> String {
    match change {
        RuleChange::Added { rule, verdict } => format!("added    {rule}: {verdict}"),
        RuleChange::Removed { rule, verdict } => format!("removed  {rule}: {verdict}"),
        RuleChange::Changed { rule, before, after } if before == after => {
            format!("changed  {rule}: still {after}, for other actions or with other effects")
        }
        RuleChange::Changed { rule, before, after } => format!("changed  {rule}: {before} becomes {after}"),
    }
}

/// Runs recorded actions through both sets and tells which come out differently.
fn replay(out: &mut impl Write, path: &Path, old: &Rules, new: &Rules) -> Result<bool> {
    let name = path.display();
    let (mut ran, mut stricter, mut milder) = (0usize, 0usize, 0usize);
    for (number, line) in input::bytes(path)?.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let question = Question::read(line).with_context(|| format!("line {} of `{name}`", number + 1))?;
        let (was, is) = (question.decide(old, None), question.decide(new, None));
        ran += 1;
        if was.verdict != is.verdict {
            stricter += usize::from(is.verdict > was.verdict);
            milder += usize::from(is.verdict < was.verdict);
            writeln!(
                out,
                "line {}: {} ({}) becomes {} ({})",
                number + 1,
                was.verdict,
                was.ruling.decided_by,
                is.verdict,
                is.ruling.decided_by
            )?;
        }
    }
    writeln!(out, "{ran} actions: {stricter} would be judged more strictly, {milder} more mildly")?;
    Ok(stricter + milder > 0)
}

/// The tables of the engine and of the rules that ship, as a page.
fn reference() -> Result<Exit> {
    let rules = packs::load(Preset::None, &[])?;
    std::io::stdout().lock().write_all(crate::reference::page(&rules).as_bytes())?;
    Ok(Exit::Success)
}

fn explain(id: Option<&str>, args: &cli::RuleArgs) -> Result<Exit> {
    let rules = packs::load(args.preset, &args.paths)?;
    let mut out = std::io::stdout().lock();
    match id {
        None => list(&mut out, &rules)?,
        Some(id) => one(&mut out, id, &rules, args)?,
    }
    Ok(Exit::Success)
}

fn list(out: &mut impl Write, rules: &Rules) -> Result<()> {
    writeln!(out, "{:<40} {:<13} {:>8}  {:<10} note", "rule", "layer", "priority", "verdict")?;
    for rule in rules.policies.rules() {
        let note = rule.note.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{:<40} {:<13} {:>8}  {:<10} {note}",
            rule.id, rule.layer, rule.priority, rule.verdict
        )?;
    }
    for rule in rules.detectors.book.rules() {
        writeln!(out, "{:<40} {:<13} {:>8}  {:<10} {}", rule.id, "detection", "", rule.vector, rule.about)?;
    }
    Ok(())
}

/// A rule in words, then as it is written.
fn one(out: &mut impl Write, id: &str, rules: &Rules, args: &cli::RuleArgs) -> Result<()> {
    let Some(rule) = rules.policies.rules().iter().find(|rule| rule.id == id) else {
        bail!("no rule has the id `{id}`; `checkrein rules explain` lists them");
    };
    if let Some(note) = &rule.note {
        writeln!(out, "{note}\n")?;
    }
    writeln!(
        out,
        "layer     {}, priority {}: within a layer the first match decides",
        rule.layer, rule.priority
    )?;
    writeln!(out, "verdict   {}{}", rule.verdict, meaning(rule.verdict))?;
    if rule.instead_of_bands {
        writeln!(out, "bands     it stands in for the score bands where it matches")?;
    }
    for exception in &rule.exceptions {
        writeln!(
            out,
            "except    {}: {} until {}, owner {}: {}",
            exception.id, exception.verdict, exception.until, exception.owner, exception.reason
        )?;
    }
    writeln!(out, "written   {}:{}\n", rule.place.file, rule.place.line)?;
    let texts = packs::read(&args.paths)?;
    let own = texts.iter().find(|(file, _)| *file == rule.place.file).map(|(_, text)| text.as_str());
    let shipped = packs::sources(args.preset);
    let shipped = shipped.iter().find(|source| source.file == rule.place.file).map(|source| source.text);
    for line in own.or(shipped).map(|text| excerpt(text, rule.place.line)).unwrap_or_default() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => ": runs as sent",
        Verdict::Alert => ": runs as sent, and somebody is told",
        Verdict::Constrain => ": runs after it was changed",
        Verdict::Sandbox => ": runs in isolation and commits nothing",
        Verdict::Approve => ": waits for a person",
        Verdict::Block => ": never reaches its target",
    }
}

/// The lines of a list item: from its first line to the next line that is indented less or alike.
fn excerpt(text: &str, line: usize) -> Vec<&str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip(line.saturating_sub(1));
    let Some(first) = lines.next() else { return Vec::new() };
    let border = indent(first);
    let rest = lines.take_while(|line| line.trim().is_empty() || indent(line) > border);
    std::iter::once(first).chain(rest).collect()
}
