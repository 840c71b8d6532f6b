serve maven 8080 python3 -m http.server FREE --bind 198.18.0.1 --directory "$MAVEN"
volume warehouse
