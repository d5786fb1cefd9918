//! Names of things. Ids are 64 bits, given out once by `control` and never used again, so an id of
//! something gone can not alias something new.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u64);
    )* };
}

ids! {
    /// A main room and its breakout rooms.
    MeetingId;
    /// Who hears and sees whom: the main room, or one breakout.
    RoomId;
    /// A person or machine in a meeting.
    ParticipantId;
    /// One transport of a participant.
    PeerId;
    /// One published source.
    TrackId;
    /// A numbered state of a meeting's tables; grows by one a change.
    Epoch;
}

/// Which shard: 0.. in the order they were started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ShardIndex(pub usize);

/// What a track shows or says. Order of a client's m-lines says which is which (DESIGN.md §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// First audio.
    Microphone,
    /// First video.
    Camera,
    /// Second video.
    Screen,
    /// Second audio.
    ScreenAudio,
    /// Third video.
    Canvas,
}
