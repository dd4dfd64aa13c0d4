# The program on a small Debian, built from this folder:
#
#     docker build --tag outgrow .
#     docker run --rm --volume "$PWD:/work" outgrow devices
#
# Nobody has built this file yet: no container was at hand where it was written. Until a CI has, take it as a sketch.
# Tags are pinned to versions, not to digests.

FROM rust:1.95.0-slim-bookworm AS build
# A C compiler, for zstd and Oniguruma.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# `--locked`: the versions that were tested. The first build takes minutes, most of them burn's.
RUN cargo build --release --locked --package outgrow --bin outgrow

FROM debian:12.11-slim
COPY --from=build /source/target/release/outgrow /usr/local/bin/outgrow
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/outgrow/
# What is made belongs to whoever owns the folder that is mounted: run with `--user "$(id -u):$(id -g)"`.
WORKDIR /work
ENTRYPOINT ["outgrow"]
CMD ["--help"]
