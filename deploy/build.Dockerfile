# Builds the programs in a container, for machines without a Rust toolchain, and stages what the
# other Dockerfiles copy:
#     docker build -f deploy/build.Dockerfile -t proteus-build .
#     docker run --rm -v "$PWD/target/images:/out" proteus-build
# Then build the images with the commands at the head of the other Dockerfiles.
# Debian 12, as the default BASE of the images: programs need a C library no older than their own.
ARG RUST=rust:1.95-bookworm
FROM ${RUST}
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils g++ python3 python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /proteus
COPY . .
RUN cargo xtask images --stage-only
CMD ["cp", "-rT", "/proteus/target/images", "/out"]
