# A registry of Maven, and a store of S3 with the page's bucket.
serve maven 8080 python3 -m http.server FREE --bind 198.18.0.1 --directory "$MAVEN"
serve minio 9000 "$SERVICES/moto_server" -H 198.18.0.1 -p FREE
curl --fail --silent --request PUT "http://198.18.0.1:$free/sales"
