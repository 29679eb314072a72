# Any base that has Python 3.11 or later with pip will do, also one that is merely tagged as this name.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

# More arguments for pip, such as the index of torch's CPU builds: --build-arg PIP_ARGS='--extra-index-url ...'
ARG PIP_ARGS=

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_BREAK_SYSTEM_PACKAGES=1

WORKDIR /src
COPY constraints.txt ./
RUN python3 -m pip install ${PIP_ARGS} "$(grep '^torch==' constraints.txt)"
COPY . ./
RUN python3 -m pip install ${PIP_ARGS} -c constraints.txt '.[openai,litellm]'

# A user of its own, written by hand so that no base needs useradd; runs lie in its home, which is the volume.
RUN echo 'rewardsmith:x:10001:10001:rewardsmith:/home/rewardsmith:/bin/sh' >> /etc/passwd \
 && echo 'rewardsmith:x:10001:' >> /etc/group \
 && mkdir -p /home/rewardsmith && chown 10001:10001 /home/rewardsmith
USER 10001:10001
ENV HOME=/home/rewardsmith USER=rewardsmith
WORKDIR /home/rewardsmith
VOLUME /home/rewardsmith

# Docker's default seccomp profile refuses the namespaces that bubblewrap makes, so workers run as plain processes here,
# within the container. Rewards are locked all the same: Landlock, seccomp and limits work in a container.
ENV REWARDSMITH_SANDBOX=process

ENTRYPOINT ["rewardsmith"]
CMD ["--help"]
