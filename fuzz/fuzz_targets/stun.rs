//! STUN: no bytes panic, nothing verifies under a key it was not made with, and the look before the
//! check (`ufrag_of`, `answer_of`) tells what the checked view tells.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::wire::stun::{Key, Stun, StunClass, answer_of, ufrag_of};

fuzz_target!(|bytes: &[u8]| {
    let ufrag = ufrag_of(bytes);
    let answer = answer_of(bytes);
    let Ok(stun) = Stun::parse(bytes) else { return };
    let username = stun.username().map(|(local, _)| local);
    match stun.class() {
        StunClass::Request => assert_eq!((ufrag, answer), (username, None)),
        StunClass::Success => assert_eq!((ufrag, answer), (None, Some(stun.transaction_id()))),
        StunClass::Indication | StunClass::Error => assert_eq!((ufrag, answer), (None, None)),
    }
    assert!(!stun.verify(&Key::new("a password that no input knows")));
    let _ = (stun.has_fingerprint(), stun.use_candidate(), stun.claims_controlled());
    assert!(stun.unknown_required().iter().all(|kind| *kind < 0x8000));
});
