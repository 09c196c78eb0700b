//! Values of PostgreSQL as JSON, and back.

use std::error::Error;

use action::{Decimal, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use jiff::{SignedDuration, civil};
use tokio_postgres::Row;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::http::hex;
use crate::{Refused, object, text, whole};

/// A parameter. It travels as text, which the server reads by the type that its place has.
#[derive(Debug)]
pub struct Given<'a>(pub &'a Json);

impl ToSql for Given<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Json::Null => return Ok(IsNull::Yes),
            Json::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Json::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Json::Text(text) => out.extend_from_slice(text.as_bytes()),
            Json::List(_) | Json::Object(_) => out.extend_from_slice(&serde_json::to_vec(self.0)?),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// A row as a list, within the bytes that are left.
pub fn row(row: &Row, left: &mut usize) -> Result<Json, Refused> {
    let mut values = Vec::with_capacity(row.len());
    for column in 0..row.len() {
        let got: Option<Got> = row.try_get(column).map_err(|_| {
            Refused::Unknowable("a column has a type that is not read here; cast it to text".to_owned())
        })?;
        let Got { value, bytes } = got.unwrap_or(Got { value: Json::Null, bytes: 0 });
        *left = left.checked_sub(bytes).ok_or(Refused::TooMuch("its rows hold too many bytes"))?;
        values.push(value);
    }
    Ok(Json::List(values))
}

struct Got {
    value: Json,
    bytes: usize,
}

impl<'a> FromSql<'a> for Got {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let value = read(ty, raw)?.ok_or("a value is not in the form of its type")?;
        Ok(Got { value, bytes: raw.len() })
    }

    fn accepts(ty: &Type) -> bool {
        match ty.kind() {
            Kind::Enum(_) => true,
            Kind::Domain(inner) => Self::accepts(inner),
            Kind::Simple => READ.contains(ty),
            _ => false,
        }
    }
}

/// The types that are read. What is not here is refused rather than shown in another form.
const READ: &[Type] = &[
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::OID,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::VARCHAR,
    Type::BPCHAR,
    Type::NAME,
    Type::JSON,
    Type::JSONB,
    Type::UUID,
    Type::BYTEA,
    Type::DATE,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::VOID,
];

fn read(ty: &Type, raw: &[u8]) -> Result<Option<Json>, Box<dyn Error + Sync + Send>> {
    if let Kind::Domain(inner) = ty.kind() {
        return read(inner, raw);
    }
    Ok(match *ty {
        Type::BOOL => Some(Json::Bool(bool::from_sql(ty, raw)?)),
        Type::INT2 => Some(int(i64::from(i16::from_sql(ty, raw)?))),
        Type::INT4 => Some(int(i64::from(i32::from_sql(ty, raw)?))),
        Type::INT8 => Some(int(i64::from_sql(ty, raw)?)),
        Type::OID => Some(whole(u64::from(u32::from_sql(ty, raw)?))),
        Type::FLOAT4 => Some(number(f32::from_sql(ty, raw)?.to_string())),
        Type::FLOAT8 => Some(number(f64::from_sql(ty, raw)?.to_string())),
        Type::NUMERIC => numeric(raw).map(number),
        Type::JSON => Some(Json::parse(raw)?),
        // The first byte is the version of the form.
        Type::JSONB => match raw.split_first() {
            Some((1, json)) => Some(Json::parse(json)?),
            Some(_) | None => None,
        },
        Type::UUID => uuid(raw),
        Type::BYTEA => Some(object([("base64", Json::Text(STANDARD.encode(raw)))])),
        Type::DATE => date(i32::from_sql(&Type::INT4, raw)?),
        Type::TIMESTAMP => moment(i64::from_sql(&Type::INT8, raw)?).map(text),
        Type::TIMESTAMPTZ => moment(i64::from_sql(&Type::INT8, raw)?).map(|time| text(format!("{time}Z"))),
        Type::VOID => Some(Json::Null),
        // The text types, and enums, whose values travel as their names.
        _ => Some(text(std::str::from_utf8(raw)?)),
    })
}

const fn int(value: i64) -> Json {
    Json::Number(Decimal::from_int(value))
}

/// Infinite ones, and those with more digits than a number here has, are written out.
fn number(written: String) -> Json {
    Decimal::parse(&written).map_or(Json::Text(written), Json::Number)
}

/// A number of any length: four numbers of two bytes (how many digits to the base of 10,000, the weight
/// of the first, the sign, how many decimals are shown), then the digits.
fn numeric(raw: &[u8]) -> Option<String> {
    let words: Vec<u16> = raw
        .chunks_exact(2)
        .filter_map(|pair| pair.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair)))
        .collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else { return None };
    let sign = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let weight = i32::from(weight.cast_signed());
    let digit = |place: i32| {
        let index = usize::try_from(weight.checked_sub(place)?).ok()?;
        digits.get(index).copied()
    };
    let before: String =
        (0..=weight.max(0)).rev().map(|place| format!("{:04}", digit(place).unwrap_or(0))).collect();
    let before = before.trim_start_matches('0');
    let groups = i32::from(scale.div_ceil(4));
    let after: String = (1..=groups).map(|place| format!("{:04}", digit(-place).unwrap_or(0))).collect();
    let after = after.get(..usize::from(*scale))?;
    let before = if before.is_empty() { "0" } else { before };
    let point = if after.is_empty() { "" } else { "." };
    Some(format!("{sign}{before}{point}{after}"))
}

fn uuid(raw: &[u8]) -> Option<Json> {
    let hex = hex(<&[u8; 16]>::try_from(raw).ok()?);
    let part = |range: std::ops::Range<usize>| hex.get(range);
    Some(text(format!(
        "{}-{}-{}-{}-{}",
        part(0..8)?,
        part(8..12)?,
        part(12..16)?,
        part(16..20)?,
        part(20..32)?
    )))
}

/// Days since the year 2000.
fn date(days: i32) -> Option<Json> {
    match days {
        i32::MAX => Some(text("infinity")),
        i32::MIN => Some(text("-infinity")),
        days => {
            let span = SignedDuration::from_hours(i64::from(days).checked_mul(24)?);
            EPOCH.checked_add(span).ok().map(|time| text(time.date()))
        }
    }
}

/// Microseconds since the year 2000.
fn moment(micros: i64) -> Option<String> {
    match micros {
        i64::MAX => Some("infinity".to_owned()),
        i64::MIN => Some("-infinity".to_owned()),
        micros => EPOCH.checked_add(SignedDuration::from_micros(micros)).ok().map(|time| time.to_string()),
    }
}

const EPOCH: civil::DateTime = civil::date(2000, 1, 1).at(0, 0, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_written_as_the_server_writes_them() {
        let form = |words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            numeric(&bytes)
        };
        assert_eq!(form(&[2, 1, 0, 0, 1, 1]).as_deref(), Some("10001"));
        assert_eq!(form(&[1, 0, 0x4000, 2, 5]).as_deref(), Some("-5.00"));
        assert_eq!(form(&[1, 0xFFFF, 0, 4, 12]).as_deref(), Some("0.0012"));
        assert_eq!(form(&[2, 0, 0, 3, 12, 3450]).as_deref(), Some("12.345"));
        assert_eq!(form(&[0, 0, 0, 0]).as_deref(), Some("0"));
        assert_eq!(form(&[1, 2, 0, 0, 3]).as_deref(), Some("300000000"));
        assert_eq!(form(&[1, 0, 7, 0, 3]), None);
    }

    #[test]
    fn times_count_from_the_year_2000() {
        assert_eq!(date(-1), Some(text("1999-12-31")));
        assert_eq!(moment(1_500_000).as_deref(), Some("2000-01-01T00:00:01.5"));
        assert_eq!(moment(i64::MIN).as_deref(), Some("-infinity"));
    }
}
