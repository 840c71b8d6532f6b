//! Generated protocol code and nothing else. No I/O of its own: clients and servers take a channel.

/// Spark's protocol.
pub mod spark {
    /// The subset of package `spark.connect` in `proto/spark/connect`: as Spark 4.0 to 4.3 speak it.
    #[expect(
        missing_docs,
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated from the .proto files, which hold the documentation"
    )]
    pub mod connect {
        tonic::include_proto!("spark.connect");
    }
}
