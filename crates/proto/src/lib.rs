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

/// Services of this project's own.
pub mod gateway {
    /// Package `sparkconnect.gateway.v1` in `proto/sparkconnect/gateway/v1`: what a gateway tells the operator.
    #[expect(
        missing_docs,
        reason = "generated from the .proto file, which holds the documentation"
    )]
    #[cfg_attr(
        any(feature = "gateway-client", feature = "gateway-server"),
        expect(
            unused_qualifications,
            clippy::allow_attributes,
            clippy::allow_attributes_without_reason,
            reason = "the generated client and server have them"
        )
    )]
    pub mod v1 {
        tonic::include_proto!("sparkconnect.gateway.v1");
    }
}
