# The learner and libtorch. `cargo xtask images` stages the build context (`target/images/learner/`)
# and calls
#     docker build -f deploy/learner.Dockerfile -t proteus-learner target/images/learner
#
# With `cargo xtask images --cuda` the CUDA libraries of libtorch are staged as well:
#     docker build -f deploy/learner.Dockerfile --build-arg VARIANT=cuda \
#         -t proteus-learner:latest-cuda target/images/learner
# That image needs no CUDA in its base, only the driver of the host, which the NVIDIA container
# toolkit puts there; without a GPU it runs on the CPU.
#
# BASE must hold glibc (at least as new as where the programs were built), libgcc and libstdc++.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot
FROM ${BASE}
# cpu or cuda; a folder of the build context.
ARG VARIANT=cpu
# What changes rarely comes first.
COPY ${VARIANT}/opt /opt
COPY program/opt /opt
COPY --chown=65532:65532 program/var /var
# For the allocator and libgomp, which read them when they are loaded; measured in
# coordinator/src/launch/mod.rs. The NVIDIA ones are read by the container toolkit alone.
ENV PATH=/opt/proteus/usr/bin \
    GOMP_SPINCOUNT=3000 \
    MALLOC_MMAP_THRESHOLD_=1073741824 \
    MALLOC_TRIM_THRESHOLD_=4294967296 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
# Nothing is written outside of this folder, so the root file system may be read-only.
WORKDIR /var/lib/proteus
USER 65532:65532
# The program itself is process 1, so that SIGTERM reaches it.
ENTRYPOINT ["/opt/proteus/usr/bin/learner"]
