//! The calls that every engine judges: made from a seed, and what the rules mean for each.

use crate::policies::{MAIL_TOOL, OWN_DOMAIN, ROLES_OF_TOOLS, Set, bound, role_of_tool};

pub const SEED: u64 = 20_260_302;
/// How many different calls there are for each set.
const CALLS: usize = 512;

/// One call, before it is put into the words of an engine.
#[derive(Debug, Clone)]
pub struct Call {
    pub user: String,
    pub roles: Vec<String>,
    pub operation: &'static str,
    pub resource: &'static str,
    pub tool: String,
    pub amount: Option<i64>,
    pub to: String,
    pub body: &'static str,
    /// Whether the body has the form of a social security number in it.
    pub ssn: bool,
}

/// Role, operation and resource type: who may do what.
pub const GRANTS: [(&str, &str, &str); 4] = [
    ("reader", "read", "record"),
    ("reader", "read", "document"),
    ("writer", "write", "record"),
    ("payer", "pay", "payment"),
];

/// Numbers, some of them almost of the form that the mail rule looks for.
const BODIES: [(&str, bool); 6] = [
    ("Please confirm the order by Friday, as agreed.", false),
    ("Her number on file is 219-09-9999, the rest follows.", true),
    ("Ticket 1219-09-9999 was closed.", false),
    ("Parcel 219-09-99990 is on its way.", false),
    ("219-09-9998", true),
    ("Call 219-0999 before noon.", false),
];

// In small letters only: Checkrein compares endings without case, the others with it.
const DOMAINS: [&str; 4] =
    ["@corp.example", "@elsewhere.example", "@corp.example.elsewhere.example", "@notcorp.example"];

/// Everybody known to a set, with the roles they hold.
pub fn people(set: Set) -> Vec<(String, Vec<String>)> {
    match set {
        Set::Roles => {
            (0..20).map(|at| (format!("user_{at}"), held(at % 8, &["reader", "writer", "payer"]))).collect()
        }
        Set::Tools(_) => (0..128).map(|at| (format!("agent_{at}"), held(at, &ROLES_OF_TOOLS))).collect(),
    }
}

/// The roles whose bits are set.
fn held(bits: usize, roles: &[&str]) -> Vec<String> {
    roles
        .iter()
        .enumerate()
        .filter(|(at, _)| bits >> at & 1 == 1)
        .map(|(_, role)| (*role).to_owned())
        .collect()
}

pub fn calls(set: Set, seed: u64) -> Vec<Call> {
    let people = people(set);
    let mut dice = Dice(seed);
    (0..CALLS).map(|_| call(set, &people, &mut dice)).collect()
}

fn call(set: Set, people: &[(String, Vec<String>)], dice: &mut Dice) -> Call {
    let (user, roles) = people[dice.below(people.len())].clone();
    let (body, ssn) = dice.pick(&BODIES);
    let mut call = Call {
        user,
        roles,
        operation: dice.pick(&["read", "write", "pay"]),
        resource: dice.pick(&["record", "document", "payment"]),
        tool: "lookup".into(),
        amount: Some(75),
        to: format!("ana{}", dice.pick(&DOMAINS)),
        body,
        ssn,
    };
    match set {
        // Half of them ask for what some role grants.
        Set::Roles if dice.below(2) == 0 => (_, call.operation, call.resource) = dice.pick(&GRANTS),
        Set::Roles => {}
        Set::Tools(rules) => {
            (call.operation, call.resource) = ("write", "record");
            let tool = dice.below(rules + rules / 8 + 1);
            let near = [-500, -1, 0, 1, 1, 500, 500];
            call.tool = format!("tool_{tool}");
            call.amount = (dice.below(8) > 0).then(|| bound(tool) + dice.pick(&near));
            if dice.below(4) == 0 {
                call.tool = MAIL_TOOL.into();
            }
        }
    }
    call
}

impl Call {
    /// What the rules of the set mean for this call, worked out without any engine.
    pub fn is_blocked(&self, set: Set) -> bool {
        let holds = |role: &str| self.roles.iter().any(|held| held == role);
        match set {
            Set::Roles => !GRANTS.iter().any(|(role, operation, kind)| {
                holds(role) && *operation == self.operation && *kind == self.resource
            }),
            Set::Tools(_) if self.tool == MAIL_TOOL => self.ssn && !self.to.ends_with(OWN_DOMAIN),
            Set::Tools(rules) => {
                let tool = self.tool.strip_prefix("tool_").and_then(|number| number.parse().ok());
                let tool = tool.filter(|tool| *tool < rules);
                tool.is_some_and(|tool| {
                    self.amount.is_some_and(|amount| amount > bound(tool)) && !holds(role_of_tool(tool))
                })
            }
        }
    }
}

/// SplitMix64: the same calls on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
