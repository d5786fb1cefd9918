//! Every rule and every refusal of the ICE-lite agent.

mod bounds;
mod restart;
mod rules;

use super::*;
use crate::transport::tests::client::{self, Question, Said};

struct Bench {
    ice: Ice,
    random: Random,
    start: Instant,
    now: Instant,
    server: IceCredentials,
    client: IceCredentials,
    /// Checks begun and not ended.
    awaited: std::collections::HashSet<TransactionId>,
    /// Bytes received from and sent to each address.
    traffic: std::collections::HashMap<Path, (usize, usize)>,
}

/// Address number `n` of the client.
fn path(n: u16) -> Path {
    Path {
        local: [192, 0, 2, 1].into(),
        remote: ([198, 51, 100, (n >> 8) as u8], 5_000 + n).into(),
    }
}

impl Bench {
    fn new() -> Self {
        let mut random = Random::from_seed([3; 32]);
        let (server, client) =
            (IceCredentials::generate(&mut random), IceCredentials::generate(&mut random));
        let ice = Ice::new(server.clone(), client.clone());
        let now = Instant::now();
        Self {
            ice,
            random,
            start: now,
            now,
            server,
            client,
            awaited: Default::default(),
            traffic: Default::default(),
        }
    }

    fn at(&mut self, ms: u64) -> &mut Self {
        self.now = self.start + Duration::from_millis(ms);
        self
    }

    fn question(&self) -> Question {
        Question::new(&self.server, &self.client)
    }

    fn give(&mut self, from: Path, datagram: &[u8]) -> Result<(), Refused> {
        self.traffic.entry(from).or_default().0 += datagram.len();
        self.ice.handle(self.now, from, datagram, &mut self.random)
    }

    fn said(&mut self) -> Vec<(Path, Said)> {
        let (server, client) = (self.server.pwd.clone(), self.client.pwd.clone());
        self.said_with(&server, &client)
    }

    fn said_with(&mut self, server_pwd: &str, client_pwd: &str) -> Vec<(Path, Said)> {
        let mut all = Vec::new();
        while let Some((path, datagram)) = self.ice.poll_transmit() {
            self.traffic.entry(path).or_default().1 += datagram.len();
            all.push((path, client::read(&datagram, server_pwd, client_pwd)));
        }
        all
    }

    /// The ids of the checks among what was said.
    fn checks(&mut self) -> Vec<(Path, u128)> {
        let said = self.said();
        said.into_iter()
            .filter_map(
                |(path, it)| {
                    if let Said::Check(id, _) = it { Some((path, id)) } else { None }
                },
            )
            .collect()
    }

    /// What changed, but for checks: those are kept in `awaited`.
    fn events(&mut self) -> Vec<IceEvent> {
        let mut all = Vec::new();
        while let Some(event) = self.ice.poll_event() {
            match event {
                IceEvent::CheckStarted(id) => assert!(self.awaited.insert(id), "twice"),
                IceEvent::CheckEnded(id) => assert!(self.awaited.remove(&id), "never begun"),
                _ => all.push(event),
            }
        }
        // The two sides agree at any time: answers find the peer exactly while it awaits them.
        let checks = self.ice.paths.iter().filter_map(|known| known.check.as_ref());
        assert_eq!(self.awaited, checks.map(|check| check.id).collect());
        all
    }

    /// A verified request, and the answers to all checks that come of it.
    fn ask(&mut self, from: Path, use_candidate: bool) -> Vec<IceEvent> {
        let question = Question { use_candidate, ..self.question() };
        self.give(from, &question.bytes()).unwrap();
        for (path, id) in self.checks() {
            let answer = client::success(id, path.remote, &self.client.pwd.clone());
            self.give(path, &answer).unwrap();
        }
        self.events()
    }
}
