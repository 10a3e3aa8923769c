# The actor, MuJoCo and the model files; nothing else. `cargo xtask images` stages the build context
# (`target/images/actor/`) and calls
#     docker build -f deploy/actor.Dockerfile -t proteus-actor target/images/actor
#
# BASE must hold glibc (at least as new as where the programs were built), libgcc and libstdc++.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot
FROM ${BASE}
COPY opt /opt
COPY --chown=65532:65532 var /var
ENV PATH=/opt/proteus/usr/bin \
    PROTEUS_MODELS=/opt/proteus/.deps/models
# Nothing is written outside of this folder, so the root file system may be read-only.
WORKDIR /var/lib/proteus
USER 65532:65532
# The program itself is process 1, so that SIGTERM reaches it.
ENTRYPOINT ["/opt/proteus/usr/bin/actor"]
