//! The rules of this detector, one table: id, class, severity and a sentence for people.

use action::SensitiveClass::{
    self, Card, Email, Financial, Health, Iban, IpAddress, NationalId, Passport, Phone, Ssn,
};
use action::Severity::{self, High, Low, Medium};

/// One kind of personal data.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub id: &'static str,
    pub class: SensitiveClass,
    pub severity: Severity,
    pub sentence: &'static str,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $class:expr, $severity:expr, $sentence:literal;)+) => {
        $(pub static $name: Rule = Rule { id: $id, class: $class, severity: $severity, sentence: $sentence };)+
        /// Every rule, for documentation and tests.
        pub static RULES: &[&Rule] = &[$(&$name,)+];
    };
}

rules! {
    CARD = "pii.card", Card, High, "a payment card number with a valid check digit";
    SSN = "pii.ssn", Ssn, High, "a US social security number";
    ITIN = "pii.itin", NationalId, High, "a US individual taxpayer number";
    EMAIL = "pii.email", Email, Medium, "an e-mail address";
    PHONE = "pii.phone", Phone, Medium, "a telephone number";
    IBAN = "pii.iban", Iban, High, "an IBAN with a valid check number";
    IPV4 = "pii.ipv4", IpAddress, Low, "an IPv4 address";
    IPV6 = "pii.ipv6", IpAddress, Low, "an IPv6 address";
    PASSPORT = "pii.passport", Passport, High, "a passport number";
    PASSPORT_MRZ = "pii.passport_mrz", Passport, High, "the machine-readable line of a travel document";
    DRIVER_LICENCE = "pii.driver_licence", NationalId, High, "a driving licence number";
    BIRTH_DATE = "pii.birth_date", NationalId, Medium, "a date of birth";
    ROUTING = "pii.bank_routing", Financial, Medium, "a US bank routing number with a valid check digit";
    ACCOUNT = "pii.bank_account", Financial, High, "a bank account number";
    SORT_CODE = "pii.sort_code", Financial, Medium, "a bank sort code";
    SALARY = "pii.salary", Financial, Medium, "a salary or other pay";
    MEDICAL_RECORD = "pii.medical_record", Health, High, "a medical record, patient or insurance number";
    DIAGNOSIS = "pii.diagnosis", Health, High, "a diagnosis, treatment or medication";
    NPI = "pii.npi", Health, Medium, "a US health provider number";
    MEDICARE_US = "pii.medicare_us", Health, High, "a US Medicare beneficiary identifier";
    DEA = "pii.dea", Health, Medium, "a DEA registration number";
    NHS = "pii.nhs", Health, High, "a UK NHS number";
    MEDICARE_AU = "pii.medicare_au", Health, High, "an Australian Medicare number";
    NINO = "pii.nino", NationalId, High, "a UK national insurance number";
    STEUER_ID = "pii.de_tax_id", NationalId, High, "a German tax number";
    INSEE = "pii.fr_insee", NationalId, High, "a French social security number";
    DNI = "pii.es_dni", NationalId, High, "a Spanish DNI or NIE";
    CODICE_FISCALE = "pii.it_codice_fiscale", NationalId, High, "an Italian tax code";
    BSN = "pii.nl_bsn", NationalId, High, "a Dutch citizen number";
    BE_NATIONAL = "pii.be_national", NationalId, High, "a Belgian national number";
    PESEL = "pii.pl_pesel", NationalId, High, "a Polish PESEL";
    PERSONNUMMER = "pii.se_personnummer", NationalId, High, "a Swedish personal number";
    FODSELSNUMMER = "pii.no_fodselsnummer", NationalId, High, "a Norwegian birth number";
    CPR = "pii.dk_cpr", NationalId, High, "a Danish CPR number";
    HETU = "pii.fi_hetu", NationalId, High, "a Finnish personal identity code";
    AHV = "pii.ch_ahv", NationalId, High, "a Swiss social security number";
    NIF_PT = "pii.pt_nif", NationalId, High, "a Portuguese tax number";
    TCKN = "pii.tr_tckn", NationalId, High, "a Turkish identity number";
    AADHAAR = "pii.in_aadhaar", NationalId, High, "an Indian Aadhaar number";
    PAN = "pii.in_pan", NationalId, High, "an Indian PAN";
    SIN = "pii.ca_sin", NationalId, High, "a Canadian social insurance number";
    TFN = "pii.au_tfn", NationalId, High, "an Australian tax file number";
    CPF = "pii.br_cpf", NationalId, High, "a Brazilian CPF";
    CURP = "pii.mx_curp", NationalId, High, "a Mexican CURP";
    ZA_ID = "pii.za_id", NationalId, High, "a South African identity number";
    CN_ID = "pii.cn_id", NationalId, High, "a Chinese resident identity number";
    KR_RRN = "pii.kr_rrn", NationalId, High, "a Korean resident registration number";
    JP_MY_NUMBER = "pii.jp_my_number", NationalId, High, "a Japanese individual number";
    NRIC = "pii.sg_nric", NationalId, High, "a Singapore NRIC or FIN";
}
