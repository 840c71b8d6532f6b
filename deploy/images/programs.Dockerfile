# The images of the operator and the gateway; the build context is the repository.
#
#   docker build -f deploy/images/programs.Dockerfile --target operator -t sparkconnect/operator .
#
# That makes the same image of the same source, to the last byte, when both bases are the same. For trying out, the stage `build` can be replaced by
# a folder that has the programs in `out/`: `--build-context build=FOLDER`.
ARG RUST=docker.io/library/rust:1.95-slim-bookworm
# What is needed of it: glibc, not older than the toolchain's, libgcc and the roots of public certificate authorities.
ARG BASE=gcr.io/distroless/cc-debian12

FROM ${RUST} AS build
ARG PROFILE=release
# Has each program carry the list of the crates that it is made of, for scanners and bills of materials.
RUN cargo install --locked --quiet --root /usr/local cargo-auditable@0.7.7
WORKDIR /build
COPY . .
# Nothing that was compiled before is used: cargo goes by times, and those of another checkout would have it take old for new.
RUN deploy/images/reproducible.sh cargo auditable build --locked --profile ${PROFILE} \
        --package sparkconnect-operator --bin sparkconnect-operator \
        --package sparkconnect-gateway --bin sparkconnect-gateway && \
    install -D -t /out target/${PROFILE}/sparkconnect-operator target/${PROFILE}/sparkconnect-gateway && \
    rm -r target

FROM ${BASE} AS operator
ARG VERSION=""
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="sparkconnect-operator" \
      org.opencontainers.image.description="Runs Spark Connect servers and sessions on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY LICENSE /usr/share/doc/sparkconnect/copyright
COPY --from=build --chmod=0755 /out/sparkconnect-operator /usr/local/bin/sparkconnect-operator
# A number, not a name: the kubelet can then tell that it is not root without looking into the image. Nothing is written at run time.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/sparkconnect-operator"]

FROM ${BASE} AS gateway
ARG VERSION=""
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="sparkconnect-gateway" \
      org.opencontainers.image.description="One TLS address for the sessions of every Spark Connect server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY LICENSE /usr/share/doc/sparkconnect/copyright
COPY --from=build --chmod=0755 /out/sparkconnect-gateway /usr/local/bin/sparkconnect-gateway
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/sparkconnect-gateway"]
