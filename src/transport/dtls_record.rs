//! DTLS 1.2 records, as far as one must look before the handshake engine may see them.
//!
//! Wire format: RFC 6347 §4.1. A datagram is taken whole or not at all.

/// Header: type, version, epoch, sequence number, length.
const HEADER_LEN: usize = 13;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;

/// Most records in one datagram that the engine keeps.
const RECORDS_MAX: usize = 8;

/// What a well-formed datagram holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Records {
    /// It begins with a (fragment of a) ClientHello.
    pub client_hello: bool,
}

/// Checks that the datagram is records that a client may send, to its last byte. Refused besides
/// what is broken: plaintext alerts and plaintext application data. Nobody authenticated them, and
/// a fatal plaintext alert would make the engine give up (RFC 6347 §4.1.2.7 lets us ignore it).
pub fn look(datagram: &[u8]) -> Option<Records> {
    let client_hello = datagram.first() == Some(&HANDSHAKE)
        && epoch_is_zero(datagram)
        && datagram.get(HEADER_LEN) == Some(&CLIENT_HELLO);
    let mut rest = datagram;
    for _ in 0..RECORDS_MAX {
        let (header, after) = rest.split_first_chunk::<HEADER_LEN>()?;
        let [kind, 0xFE, _, epoch_high, epoch_low, .., len_high, len_low] = *header else {
            return None;
        };
        let is_allowed = match u16::from_be_bytes([epoch_high, epoch_low]) {
            0 => matches!(kind, CHANGE_CIPHER_SPEC | HANDSHAKE),
            1 => matches!(kind, ALERT | HANDSHAKE | APPLICATION_DATA),
            _ => false, // no renegotiation: there is no third epoch
        };
        if !is_allowed {
            return None;
        }
        rest = after.get(usize::from(u16::from_be_bytes([len_high, len_low]))..)?;
        if rest.is_empty() {
            return Some(Records { client_hello });
        }
    }
    None
}

fn epoch_is_zero(datagram: &[u8]) -> bool {
    datagram.get(3..5) == Some(&[0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0xFE, 0xFD, 0, epoch, 0, 0, 0, 0, 0, 7, 0, body.len() as u8];
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn what_is_taken() {
        let hello = record(22, 0, &[1, 0, 0]);
        let other = record(22, 0, &[11, 0, 0]);
        let mut short = hello.clone();
        short.pop();
        let mut version = hello.clone();
        version[1] = 3;
        for (name, datagram, expected) in [
            ("ClientHello", hello.clone(), Some(true)),
            ("Certificate", other.clone(), Some(false)),
            (
                "Certificate, CCS, Finished",
                [other.clone(), record(20, 0, &[1]), record(22, 1, &[9])].concat(),
                Some(false),
            ),
            ("protected alert", record(21, 1, &[1, 0]), Some(false)),
            ("protected data", record(23, 1, &[1, 0]), Some(false)),
            ("protected, looks like a ClientHello", record(22, 1, &[1]), Some(false)),
            ("empty record", record(22, 0, &[]), Some(false)),
            ("plaintext alert", record(21, 0, &[2, 40]), None),
            (
                "plaintext alert behind a ClientHello",
                [hello.clone(), record(21, 0, &[2, 40])].concat(),
                None,
            ),
            ("plaintext data", record(23, 0, &[1]), None),
            ("epoch 2", record(22, 2, &[1]), None),
            ("protected CCS", record(20, 1, &[1]), None),
            ("unknown type", record(24, 0, &[1]), None),
            ("TLS version", version, None),
            ("cut", short, None),
            ("trailing byte", [hello.clone(), vec![0]].concat(), None),
            ("empty", Vec::new(), None),
            ("nine records", hello.repeat(9), None),
            ("eight records", hello.repeat(8), Some(true)),
        ] {
            assert_eq!(look(&datagram).map(|it| it.client_hello), expected, "{name}");
        }
    }
}
