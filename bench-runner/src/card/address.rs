//! PCI addresses as they are typed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use variants::workload::PORTS;

/// An address with its domain, such as `0000:03:00.0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// As the kernel writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = String;

    /// The domain may be left out, as in `03:00.0`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |text: &str, count: usize, most: u32| {
            let number = u32::from_str_radix(text, 16).ok()?;
            let plain = text.bytes().all(|b| b.is_ascii_hexdigit());
            (plain && text.len() == count && number <= most).then_some(number)
        };
        let parse = || {
            let (front, function) = text.rsplit_once('.')?;
            let mut parts = front.rsplit(':');
            let device = digits(parts.next()?, 2, 0x1F)?;
            let bus = digits(parts.next()?, 2, 0xFF)?;
            let domain = match parts.next() {
                Some(domain) => digits(domain, 4, 0xFFFF)?,
                None => 0,
            };
            let function = digits(function, 1, 7)?;
            let rest = parts.next().is_none();
            rest.then(|| {
                format!("{domain:04x}:{bus:02x}:{device:02x}.{function}")
            })
        };
        parse().map(Self).ok_or_else(|| {
            format!(
                "{text:?} is no PCI address such as 0000:03:00.0; `lspci -D` \
                 lists them"
            )
        })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// The addresses of two ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair(pub [Address; PORTS]);

impl Pair {
    /// As the kernel writes them.
    pub fn as_strs(&self) -> [&str; PORTS] {
        self.0.each_ref().map(Address::as_str)
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second]) = self;
        write!(f, "{first},{second}")
    }
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((first, second)) = text.split_once(',') else {
            return Err(format!(
                "{text:?} is one address: name two ports, such as \
                 0000:03:00.0,0000:03:00.1"
            ));
        };
        let pair = Self([first.parse()?, second.parse()?]);
        match &pair.0 {
            [first, second] if first == second => {
                Err(format!("{first} is named twice: name two ports"))
            }
            _ => Ok(pair),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_way_to_be_written() {
        let read = |text: &str| text.parse::<Address>().map(String::from);
        for text in ["0000:03:00.0", "03:00.0"] {
            assert_eq!(read(text).as_deref(), Ok("0000:03:00.0"));
        }
        assert_eq!(read("0001:AF:1f.7").as_deref(), Ok("0001:af:1f.7"));
        let wrong = [
            "",
            "eth0",
            "../../x.0",
            "0000:03:00",
            "0000:03:20.0",
            "3:0.0",
            "0000:03:00.8",
            "0:0000:03:00.0",
            "0000:+3:00.0",
            "0000:03:00.00",
        ];
        for text in wrong {
            let line = read(text).expect_err(text);
            assert!(line.contains("is no PCI address"), "{line}");
        }
    }

    #[test]
    fn a_pair_is_two_addresses_that_differ() {
        let read = |text: &str| text.parse::<Pair>().map(|p| p.to_string());
        let both = "0000:03:00.0,0000:03:00.1";
        assert_eq!(read("03:00.0,03:00.1").as_deref(), Ok(both));
        let refused = |text| read(text).expect_err("refused");
        assert!(refused("03:00.0").contains("name two ports"));
        assert!(refused("03:00.0,0000:03:00.0").contains("named twice"));
        assert!(refused("03:00.0,03:00.1,03:00.2").contains("no PCI address"));
    }
}
