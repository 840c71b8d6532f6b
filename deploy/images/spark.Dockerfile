# Spark as the operator runs it: Apache's image, the Python packages that Spark Connect needs, and a class-data archive that halves the
# start of a server. The build context is the folder `spark/` beside this file.
#
# The archive belongs to one Java build and to the jars as this image has them, so it is made here. To add jars, build from this image and
# run the training again, or leave the archive unused: Java ignores one that does not fit.
ARG SPARK_VERSION=4.1.4
ARG BASE=docker.io/apache/spark:${SPARK_VERSION}-python3

FROM ${BASE} AS packages
USER root
COPY requirements.txt /opt/spark/requirements.txt
# Installs what the base lacks; a base that has all of it needs no pip and no network.
RUN python3 -c 'import google.rpc, grpc, grpc_status, numpy, pandas, pyarrow, zstandard' 2>/dev/null || \
    PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --no-deps -r /opt/spark/requirements.txt
USER 185

FROM packages AS training
USER root
COPY train.py pods.py /tmp/training/
RUN mkdir /opt/spark/cds && python3 /tmp/training/train.py /opt/spark/cds/spark-connect.jsa && chmod 0444 /opt/spark/cds/spark-connect.jsa

FROM packages
COPY --from=training /opt/spark/cds /opt/spark/cds
