//! A second independent stack: str0m publishes by WHIP and plays by WHEP, against the running binary.
//! (aiortc and the browsers, which decode what they get, are in `tests/`.)

mod stream;

use str0m::crypto::from_feature_flags;
use str0m::media::Direction;

use stream::{Client, Failure, SETTLE, STOP, Server, falls_silent, receives};

#[tokio::test]
async fn frames_arrive_as_they_were_sent_until_delete() -> Result<(), Failure> {
    from_feature_flags().install_process_default();
    let server = Server::start().await?;
    let publisher = Client::start(&server, "/whip/str0m?id=camera", Direction::SendOnly).await?;
    let first = Client::start(&server, "/whep/str0m?id=first", Direction::RecvOnly).await?;
    receives(&first, 60, SETTLE).await?;
    // Somebody who comes later gets a keyframe, and takes nothing from those who are there.
    let second =
        Client::start(&server, "/whep/str0m?id=second&from=camera", Direction::RecvOnly).await?;
    receives(&second, 60, SETTLE).await?;
    receives(&first, 60, SETTLE).await?;

    assert_eq!(publisher.delete().await?, 200);
    falls_silent(&first, STOP).await?;
    falls_silent(&second, STOP).await?;
    assert_eq!(first.delete().await?, 200);
    assert_eq!(second.delete().await?, 200);
    for client in [publisher, first, second] {
        client.end()?;
    }
    Ok(())
}
