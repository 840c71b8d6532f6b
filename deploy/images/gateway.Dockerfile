# The gateway. The build context holds one file, the binary `sparkconnect-gateway`, built by cargo on a system whose glibc is not
# newer than the base's.
ARG BASE=docker.io/library/debian:12-slim
FROM ${BASE}
COPY --chmod=0755 sparkconnect-gateway /usr/local/bin/sparkconnect-gateway
# A number, not a name: the kubelet can then tell that it is not root without looking into the image. Nothing is written at run time.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/sparkconnect-gateway"]
