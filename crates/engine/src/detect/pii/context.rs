//! What the words around a number say it is.
//!
//! Words count whole: "public" does not speak of a "lic". Phrases may be written with blanks,
//! hyphens or underscores, so `date_of_birth` and "date of birth" are one entry.

/// Subjects that words can announce, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subjects(u32);

impl Subjects {
    pub const NONE: Subjects = Subjects(0);
    pub const CARD: Subjects = Subjects(1);
    pub const SSN: Subjects = Subjects(1 << 1);
    pub const PASSPORT: Subjects = Subjects(1 << 2);
    pub const PHONE: Subjects = Subjects(1 << 3);
    pub const BANK: Subjects = Subjects(1 << 4);
    pub const ROUTING: Subjects = Subjects(1 << 5);
    pub const BIRTH: Subjects = Subjects(1 << 6);
    pub const HEALTH: Subjects = Subjects(1 << 7);
    pub const PAY: Subjects = Subjects(1 << 8);
    pub const TAX: Subjects = Subjects(1 << 9);
    pub const NATIONAL: Subjects = Subjects(1 << 10);
    pub const LICENCE: Subjects = Subjects(1 << 11);
    pub const IBAN: Subjects = Subjects(1 << 12);
    pub const EMAIL: Subjects = Subjects(1 << 13);
    /// The number is something else: an order, a price, a version.
    pub const OTHER: Subjects = Subjects(1 << 14);
    pub const ADDRESS: Subjects = Subjects(1 << 15);
    pub const DIAGNOSIS: Subjects = Subjects(1 << 16);
    pub const VERSION: Subjects = Subjects(1 << 17);
    pub const PERSON: Subjects = Subjects(1 << 18);

    pub const fn or(self, other: Subjects) -> Subjects {
        Subjects(self.0 | other.0)
    }

    pub const fn has(self, other: Subjects) -> bool {
        self.0 & other.0 != 0
    }
}

use Subjects as S;

/// Words and phrases by subject, several languages.
#[rustfmt::skip]
const WORDS: &[(Subjects, &[&str])] = &[
    (S::CARD, &["card", "cards", "credit card", "debit card", "creditcard", "cardnumber", "card number", "cc number", "ccnum", "cc", "ccn", "pan", "visa",
        "mastercard", "amex", "american express", "discover", "maestro", "jcb", "diners", "unionpay", "kreditkarte", "karte", "kartennummer",
        "carte", "carte bancaire", "tarjeta", "carta", "carta di credito", "cartao", "cartão", "creditcardnummer", "kaart", "karta", "kort"]),
    (S::SSN, &["ssn", "ssns", "social security", "social security number", "socialsecurity", "social", "soc sec", "ss number", "social insurance"]),
    (S::PASSPORT, &["passport", "passports", "passportnumber", "passport number", "passport no", "passeport", "pasaporte", "reisepass", "passnummer", "passaporto",
        "passaporte", "paspoort", "paszport", "pass nr", "travel document"]),
    (S::PHONE, &["phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "cellular", "fax", "call", "calls", "called", "calling", "callback", "dial", "text", "texted", "sms",
        "whatsapp", "desk", "hotline", "landline", "ring", "reach", "reached", "contact", "contact number", "answering", "message", "messages", "voicemail", "phonenumber", "phone number",
        "mobile number", "telefon", "telefonnummer", "handy", "mobil", "handynummer", "anrufen", "téléphone", "telephone number", "portable", "appeler", "teléfono", "telefono",
        "movil", "móvil", "celular", "llamar", "cellulare", "telefone", "telemóvel", "telefoon", "telefoonnummer", "puhelin", "telefón", "numer telefonu", "signal", "viber",
        "helpline", "switchboard", "extension", "ext", "speed dial", "hung up", "line"]),
    (S::BANK, &["account", "account number", "account no", "acct", "acct no", "bank account", "bankaccount", "accountnumber", "accountno", "checking", "savings",
        "konto", "kontonummer", "compte", "cuenta", "conto", "conta", "rekening", "beneficiary", "sort code", "sortcode", "bsb", "clabe", "wire", "swift", "bic"]),
    (S::ROUTING, &["routing", "routing number", "routingnumber", "aba", "rtn", "transit", "transit number"]),
    (S::IBAN, &["iban"]),
    (S::BIRTH, &["dob", "d o b", "date of birth", "dateofbirth", "birth date", "birthdate", "birthday", "born", "born on", "geburtsdatum", "geboren", "date de naissance", "né le", "née le",
        "fecha de nacimiento", "nacido", "nacida", "data di nascita", "nato il", "nata il", "data de nascimento", "geboortedatum", "data urodzenia"]),
    (S::HEALTH, &["mrn", "medical record", "medical record number", "medicalrecord", "medical record no", "patient id", "patientid", "patient number", "patient no", "chart number", "health id", "health insurance",
        "healthinsurance", "insurance number", "member id", "memberid", "policy holder", "medicare", "medicaid", "nhs", "nhs number", "nhsnumber", "npi", "dea", "dea number", "mbi", "hicn", "krankenversicherung",
        "versichertennummer", "patientennummer", "numéro de patient", "historia clinica", "historia clínica", "subscriber id", "health card", "health plan", "beneficiary id", "prescription number"]),
    (S::DIAGNOSIS, &["diagnosis", "diagnoses", "diagnosed", "diagnosed with", "icd", "icd 10", "prescribed", "medication", "medications", "treatment", "allergies", "blood type", "lab result", "lab results",
        "hiv", "diagnose", "diagnostic", "diagnóstico", "diagnosi"]),
    (S::PAY, &["salary", "salaries", "net pay", "gross pay", "netpay", "grosspay", "base pay", "take home pay", "annual income", "income", "wage", "wages", "payroll", "compensation", "bonus", "base salary",
        "annual salary", "monthly salary", "remuneration", "gehalt", "nettogehalt", "bruttogehalt", "lohn", "salaire", "salario", "sueldo", "nómina", "stipendio", "salário", "salaris", "wynagrodzenie", "net worth",
        "account balance", "credit score", "fico", "w2", "w 2", "paystub", "pay stub"]),
    (S::TAX, &["tin", "itin", "ein", "tax id", "taxid", "tax number", "tax identification", "taxpayer", "tax file", "tfn", "steuer", "steuer id", "steuernummer", "steuer identifikationsnummer", "steuerid",
        "idnr", "utr", "nif", "nie", "numéro fiscal", "spi", "codice fiscale", "cpf", "cnpj", "pan card", "pan number", "pan no", "rfc", "afm", "nip"]),
    (S::NATIONAL, &["national id", "nationalid", "national identity", "national insurance", "nino", "ni number", "identity card", "identity number", "id card", "id number", "citizen id", "personal number", "personnummer", "personalausweis",
        "ausweis", "sozialversicherungsnummer", "rentenversicherungsnummer", "numéro de sécurité sociale", "sécurité sociale", "sécu", "nir", "insee", "dni", "documento", "bsn", "burgerservicenummer", "sofinummer", "pesel", "rijksregisternummer",
        "numéro national", "numero de registre national", "cpr", "fødselsnummer", "hetu", "henkilötunnus", "sin", "social insurance number", "medicare number", "aadhaar", "aadhar", "uidai", "uid", "ahv", "avs", "curp", "nric", "fin", "hkid",
        "rrn", "my number", "tc kimlik", "kimlik", "id no", "oib", "cnp", "egn", "rodné číslo", "isikukood", "pps", "ppsn", "amka", "rg", "cédula", "cedula"]),
    (S::LICENCE, &["driver license", "drivers license", "driver s license", "driver licence", "driving licence", "driving license", "drivers licence", "driver s licence", "driverslicense", "driverlicense", "license number", "licence number",
        "dl number", "dl no", "dln", "führerschein", "führerscheinnummer", "permis de conduire", "permiso de conducir", "patente", "rijbewijs"]),
    (S::EMAIL, &["email", "e mail", "mail"]),
    (S::ADDRESS, &["ip", "ip address", "ipaddress", "address", "host", "server", "client ip", "remote addr", "gateway", "subnet", "dns", "ping"]),
    (S::VERSION, &["version", "versions", "v", "ver", "release", "build", "revision", "firmware", "upgrade", "chapter", "section", "clause", "paragraph", "figure"]),
    (S::OTHER, &["order", "order number", "invoice", "ticket", "tracking", "tracking number", "reservation", "flight", "reference", "ref", "sku", "isbn", "issn", "product", "item", "serial", "model", "part number",
        "page", "pages", "year", "years", "price", "cost", "total", "amount", "quantity", "usd", "eur", "budget", "revenue", "population", "distance", "timestamp", "epoch", "latitude", "longitude", "coordinates", "pixel", "pixels",
        "id", "user id", "userid", "item id", "product id", "payment", "order id", "zip", "zipcode", "postal code", "lat", "lon", "lng", "points", "block", "hash", "bytes", "seconds", "ms"]),
    (S::PERSON, &["name", "customer", "employee", "patient", "person", "user", "my", "his", "her"]),
];

/// Bytes before a number that are read.
pub const BEFORE: usize = 72;
/// Of them, those directly in front.
const NEAR: usize = 26;
/// Bytes after it.
pub const AFTER: usize = 28;
/// Longest phrase in words.
const PHRASE: usize = 4;

/// What stands around a number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    pub before: Subjects,
    /// The last words before, directly in front.
    pub near: Subjects,
    pub after: Subjects,
    pub key: Subjects,
}

impl Context {
    pub fn says(&self, subject: Subjects) -> bool {
        self.before.or(self.after).or(self.key).has(subject)
    }

    /// Said by the key or right in front: enough for shapes that prove nothing themselves.
    pub fn labels(&self, subject: Subjects) -> bool {
        self.near.or(self.key).has(subject)
    }
}

pub fn around(bytes: &[u8], start: usize, end: usize, key: Subjects) -> Context {
    let from = start.saturating_sub(BEFORE);
    let before = bytes.get(from..start).unwrap_or_default();
    // A window that opens inside a word would read its rest as a word.
    let before = match from {
        0 => before,
        _ => before.iter().position(|b| !is_letter(*b)).and_then(|p| before.get(p..)).unwrap_or_default(),
    };
    let after = bytes.get(end..bytes.len().min(end + AFTER)).unwrap_or_default();
    Context { before: subjects(before), near: near(bytes, start), after: subjects(after), key }
}

/// What the last words in front announce.
pub fn near(bytes: &[u8], start: usize) -> Subjects {
    let from = start.saturating_sub(NEAR);
    let text = bytes.get(from..start).unwrap_or_default();
    let whole = match from {
        0 => Some(0),
        _ => text.iter().position(|b| !is_letter(*b)),
    };
    subjects(whole.and_then(|place| text.get(place..)).unwrap_or_default())
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

/// Every subject that the words of `text` announce.
pub fn subjects(text: &[u8]) -> Subjects {
    // Words in small letters, one blank between, the last few begins remembered.
    let mut clean = [0u8; BEFORE + 8];
    let mut length = 0usize;
    let mut starts = [0usize; PHRASE];
    let mut words = 0usize;
    let mut found = Subjects::NONE;
    let mut in_word = false;
    for byte in text.iter().copied().chain(std::iter::once(b' ')) {
        let letter = is_letter(byte) || (byte.is_ascii_digit() && in_word);
        if letter {
            if !in_word {
                if length > 0 {
                    put(&mut clean, &mut length, b' ');
                }
                starts.rotate_right(1);
                if let Some(first) = starts.first_mut() {
                    *first = length;
                }
                words += 1;
                in_word = true;
            }
            put(&mut clean, &mut length, byte.to_ascii_lowercase());
        } else if in_word {
            in_word = false;
            for start in starts.iter().take(words.min(PHRASE)) {
                if let Some(phrase) = clean.get(*start..length) {
                    found = found.or(lookup(phrase));
                }
            }
        }
    }
    found
}

fn put(clean: &mut [u8], length: &mut usize, byte: u8) {
    if let Some(place) = clean.get_mut(*length) {
        *place = byte;
        *length += 1;
    }
}

struct Table {
    /// By first byte, then length, then the rest.
    words: Vec<(&'static [u8], Subjects)>,
    groups: [Group; 256],
}

/// The words that begin with one byte.
#[derive(Clone, Copy, Default)]
struct Group {
    /// The lengths that occur, as bits. Most words of a text end their search here.
    lengths: u64,
    from: usize,
    to: usize,
}

fn table() -> &'static Table {
    static TABLE: std::sync::OnceLock<Table> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| {
        let all = WORDS.iter().flat_map(|(subject, words)| words.iter().map(|w| (w.as_bytes(), *subject)));
        let mut words: Vec<(&'static [u8], Subjects)> = all.collect();
        words.sort_by_key(|(word, _)| (word.first(), word.len(), *word));
        let mut groups = [Group::default(); 256];
        for (place, (word, _)) in words.iter().enumerate() {
            let first = word.first().and_then(|first| groups.get_mut(usize::from(*first)));
            if let Some(group) = first {
                group.from = if group.lengths == 0 { place } else { group.from };
                group.to = place + 1;
                group.lengths |= 1 << (word.len() & 63);
            }
        }
        Table { words, groups }
    })
}

fn lookup(phrase: &[u8]) -> Subjects {
    let table = table();
    let first = phrase.first().and_then(|first| table.groups.get(usize::from(*first)));
    let group = first.copied().unwrap_or_default();
    if phrase.len() > 63 || (group.lengths >> phrase.len()) & 1 == 0 {
        return Subjects::NONE;
    }
    let words = table.words.get(group.from..group.to).unwrap_or_default();
    let key = (phrase.len(), phrase);
    let first = words.partition_point(|(word, _)| (word.len(), *word) < key);
    let same = words.get(first..).unwrap_or_default().iter().take_while(|(word, _)| *word == phrase);
    same.fold(Subjects::NONE, |all, (_, subject)| all.or(*subject))
}

/// What the key of a field announces: `customer_ssn`, `dateOfBirth` (lower case by now).
pub fn of_key(key: &str) -> Subjects {
    subjects(key.as_bytes().get(..64).unwrap_or(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_whole_and_phrases_in_any_notation() {
        assert!(subjects(b"her SSN is").has(S::SSN));
        assert!(!subjects(b"assnx").has(S::SSN));
        for text in ["date of birth:", "date_of_birth", "Date-Of-Birth"] {
            assert!(subjects(text.as_bytes()).has(S::BIRTH), "{text}");
        }
        assert!(!subjects(b"publication").has(S::LICENCE));
        assert!(subjects("téléphone :".as_bytes()).has(S::PHONE));
    }

    #[test]
    fn a_window_that_opens_inside_a_word_drops_it() {
        let text = format!("xxcard {} 12345678", "a ".repeat(33));
        let at = text.find("1234").unwrap();
        assert!(!around(text.as_bytes(), at, at + 8, S::NONE).says(S::CARD));
    }
}
