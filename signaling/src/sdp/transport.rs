//! What an offer says of its one transport: BUNDLE (RFC 9143), ICE credentials (RFC 8839 §5.4),
//! DTLS role (RFC 8842 §5) and fingerprint (RFC 8122 §5). All m-lines share it; the first one's
//! counts.

use ringfence::transport::{Fingerprint, IceCredentials};
use webrtc_sdp::attribute_type::{
    SdpAttribute, SdpAttributeFingerprintHashType, SdpAttributeGroupSemantic, SdpAttributeSetup,
};

use super::fragment::credential;
use super::problem::Problem;
use super::section::Section;

pub(super) fn bundle(session: &Section) -> Result<&[String], Problem> {
    let group = session.find(|attribute| match attribute {
        SdpAttribute::Group(group)
            if matches!(group.semantics, SdpAttributeGroupSemantic::Bundle) =>
        {
            Some(group.tags.as_slice())
        }
        _ => None,
    });
    group.ok_or_else(|| {
        let mend =
            "add a=group:BUNDLE with every mid; the relay has one transport a peer (RFC 9143)";
        Problem::new("a=group", "there is no BUNDLE group", mend)
    })
}

pub(super) fn check_transport(session: &Section, first: &Section) -> Result<(), Problem> {
    if session.has(|a| matches!(a, SdpAttribute::IceLite)) {
        let what = "both sides are ICE-lite, so nobody would check";
        return Err(Problem::new(
            "a=ice-lite",
            what,
            "offer from a full ICE agent (RFC 8445 §6.1.1)",
        ));
    }
    let setup = |section: &Section| {
        section.find(|attribute| match attribute {
            SdpAttribute::Setup(setup) => Some(match setup {
                SdpAttributeSetup::Active | SdpAttributeSetup::Actpass => None,
                SdpAttributeSetup::Passive => Some("passive"),
                SdpAttributeSetup::Holdconn => Some("holdconn"),
            }),
            _ => None,
        })
    };
    if let Some(Some(word)) = setup(first).or_else(|| setup(session)) {
        let what = format!("a=setup:{word} was offered, and the relay is passive itself");
        return Err(first.problem("a=setup", what, "offer a=setup:actpass (RFC 8842 §5.2)"));
    }
    Ok(())
}

pub(super) fn credentials(session: &Section, section: &Section) -> Result<IceCredentials, Problem> {
    let in_order = [section, session];
    let ufrag = in_order.into_iter().find_map(|section| {
        section.find(|a| if let SdpAttribute::IceUfrag(v) = a { Some(v.as_str()) } else { None })
    });
    let pwd = in_order.into_iter().find_map(|section| {
        section.find(|a| if let SdpAttribute::IcePwd(v) = a { Some(v.as_str()) } else { None })
    });
    let place = |problem: Problem| section.problem(problem.attribute, problem.what, problem.mend);
    let ufrag = credential(ufrag, "a=ice-ufrag", 4).map_err(place)?;
    let pwd = credential(pwd, "a=ice-pwd", 22).map_err(place)?;
    Ok(IceCredentials { ufrag, pwd })
}

pub(super) fn fingerprint(session: &Section, section: &Section) -> Result<Fingerprint, Problem> {
    let mut some = false;
    for attribute in section.attributes.iter().chain(&session.attributes) {
        let SdpAttribute::Fingerprint(fingerprint) = attribute else { continue };
        some = true;
        if fingerprint.hash_algorithm == SdpAttributeFingerprintHashType::Sha256
            && let Ok(hash) = <[u8; 32]>::try_from(fingerprint.fingerprint.as_slice())
        {
            return Ok(Fingerprint::Sha256(hash));
        }
    }
    let what = if some { "no sha-256 fingerprint" } else { "there is no fingerprint" };
    let mend = "add a=fingerprint:sha-256 with the hash of the DTLS certificate (RFC 8122 §5)";
    Err(section.problem("a=fingerprint", what, mend))
}
