//! The reference: an experience service that looks at nothing.

use proto::tonic::{Request, Response, Status, Streaming};
use proto::v1;
use proto::v1::experience_server::{Experience, ExperienceServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// As in the learner's service.
const ACKS: usize = 16;

/// Serves with the settings of the learner.
pub(super) async fn serve(listener: TcpListener, stop: CancellationToken) -> learner::Result<()> {
    let service = ExperienceServer::new(Wire).max_decoding_message_size(proto::MAX_MESSAGE);
    proto::connect::server()
        .add_service(service)
        .serve_with_incoming_shutdown(
            proto::connect::incoming(listener, &proto::Credentials::none()),
            stop.cancelled_owned(),
        )
        .await?;
    Ok(())
}

#[derive(Debug)]
struct Wire;

#[proto::tonic::async_trait]
impl Experience for Wire {
    type PushStream = ReceiverStream<Result<v1::Ack, Status>>;

    async fn push(
        &self,
        request: Request<Streaming<v1::Chunk>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let (sender, receiver) = mpsc::channel(ACKS);
        let mut chunks = request.into_inner();
        tokio::spawn(async move {
            let mut ack = v1::Ack::default();
            while let Ok(Some(chunk)) = chunks.message().await {
                ack.next_sequence = chunk.sequence + 1;
                ack.transitions += u64::from(chunk.len);
                if sender.send(Ok(ack)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
