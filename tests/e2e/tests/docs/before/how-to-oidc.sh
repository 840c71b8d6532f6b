# An issuer at https://login.identity.svc, with a certificate of an authority of its own, and ada's token of it.
after() {
  kubectl delete namespace identity --ignore-not-found "$@"
  kubectl -n sparkconnect-system delete configmap issuer-ca --ignore-not-found
}
after
kubectl create namespace identity
openssl req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out issuer.pem -days 2 -subj /CN=authority 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout issuer.key -out issuer.crt -days 2 -subj /CN=login.identity.svc \
  -CA issuer.pem -CAkey authority.key -addext subjectAltName=DNS:login.identity.svc -addext basicConstraints=critical,CA:FALSE 2>/dev/null
cat >issuer.py <<'END'
import sys

from oidc_provider_mock import User, app
from werkzeug.serving import run_simple

ada = User(sub="ada", claims={"email": "ada@example.com", "groups": ["analysts"]})
run_simple("198.18.0.1", int(sys.argv[1]), app(user_claims=[ada]), ssl_context=("issuer.crt", "issuer.key"))
END
in=identity serve login 443 "$SERVICES/python" issuer.py FREE
issuer() { curl --fail --silent --show-error --cacert issuer.pem --connect-to "login.identity.svc:443:198.18.0.1:$free" "$@"; }
code=$(issuer --output /dev/null --write-out '%{redirect_url}' --data sub=ada \
  'https://login.identity.svc/oauth2/authorize?client_id=spark&redirect_uri=http://localhost/&response_type=code&scope=openid+email&state=1')
code=${code#*code=}
export SPARK_TOKEN
SPARK_TOKEN=$(issuer --user spark:secret --data "grant_type=authorization_code&code=${code%%&*}&redirect_uri=http://localhost/" \
  https://login.identity.svc/oauth2/token | jq --raw-output .id_token)
