//! The wire format of protobuf, as far as a request needs it: fields one after another, borrowed, in one pass.
//!
//! What makes messages of a body copies every label before anybody can say that the series is not wanted, and makes much of
//! little: a list of a million empty entries is two megabytes on the wire. Here nothing is copied, and nothing grows.

/// The fields of a message, in its order.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number of as many bytes as it needs.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// A text, a message, or a list of packed numbers.
    Bytes(&'a [u8]),
    /// Four bytes, which no field that is read has.
    Fixed32,
}

/// Why bytes are no message.
pub(super) type Malformed = &'static str;

const CUT: Malformed = "a field is cut off";

impl<'a> Fields<'a> {
    /// Those of `message`.
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| CUT)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => {
                self.array::<4>()?;
                Value::Fixed32
            }
            _ => return Err("a field is of a type that nobody writes any more"),
        };
        match key >> 3 {
            0 => Err("a field has the number 0"),
            number => Ok((number, value)),
        }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(CUT)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // the tenth byte has room for one bit
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number has more than 64 bits")
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<&'a [u8; LENGTH], Malformed> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(CUT)?;
        self.rest = rest;
        Ok(array)
    }
}

impl<'a> Iterator for Fields<'a> {
    /// The number of a field, with its value.
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // behind what cannot be read nothing can be
        Some(self.field().inspect_err(|_| self.rest = &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Malformed> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn fields_are_read_one_after_another() {
        assert_eq!(read(&[]), Ok(Vec::new()));
        let bytes =
            [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0x25, 1, 2, 3, 4];
        let fields =
            [(1, Value::Varint(150)), (2, Value::Bytes(b"hi")), (3, Value::Fixed64(1)), (4, Value::Fixed32)];
        assert_eq!(read(&bytes), Ok(fields.to_vec()));
        let most = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(read(&most), Ok(vec![(1, Value::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (bytes, why) in [
            (&[0x08][..], CUT),
            (&[0x12, 0x02, b'h'], CUT),
            (&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], CUT),
            (&[0x19, 1, 2], CUT),
            (&[0x0b], "a field is of a type that nobody writes any more"),
            (&[0x00, 0x01], "a field has the number 0"),
            (
                &[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
                "a number has more than 64 bits",
            ),
        ] {
            assert_eq!(read(bytes), Err(why), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_stop_it(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let fields: Vec<_> = Fields::of(&bytes).collect();
            prop_assert!(fields.len() <= bytes.len());
            prop_assert!(fields.iter().rev().skip(1).all(Result::is_ok), "nothing comes behind an error");
        }
    }
}
