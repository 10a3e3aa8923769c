# A base image out of this machine's own C library, for machines that reach no registry:
# `cargo xtask images --base local` stages the build context (`target/images/base/`). The programs
# were linked here, so its versions fit by construction.
FROM scratch
COPY root /
