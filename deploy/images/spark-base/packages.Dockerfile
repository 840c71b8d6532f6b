# A stand-in for Apache's Spark image, first half: the user, Python packages (the context's `packages/`). For tests, where no registry
# of images can be reached. BASE is a minimal Debian with Java, Python and tini.
ARG BASE
FROM ${BASE}
ARG PYTHON
COPY packages/ /usr/local/lib/python${PYTHON}/dist-packages/
# Compiled now, because nothing can be written where the image runs. The user is the one of Apache's image; Spark wants to know its name.
RUN python3 -m compileall -q -j 0 /usr/local/lib/python${PYTHON}/dist-packages && \
    groupadd --system --gid 185 spark && \
    useradd --system --uid 185 --gid spark --home-dir /home/spark --create-home --shell /bin/bash spark
