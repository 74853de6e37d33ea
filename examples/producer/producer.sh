#!/bin/sh
# A producer with nothing but redis-cli and openssl.
#
#   sh producer.sh key me                                          makes a key: me, me.pub
#   ssh-keygen -q -s producer_ca -I me -n fdc-producer me.pub      the operator certifies it: me-cert.pub
#   sh producer.sh register URL me                                 waits for `cepa auth approve`; prints the producer's id
#   sh producer.sh token URL me PRODUCER_ID                        prints a token, which is good for an hour
#   sh producer.sh renew URL PRODUCER_ID TOKEN                     prints another one
#   sh producer.sh subject URL me PRODUCER_ID KEY SCHEMA           prints the id of a subject
#   sh producer.sh publish URL TOKEN                               sends each line of standard input as an event
#
# URL is the one that the node prints when it is ready: redis://producer:...@127.0.0.1:7701. Who may list the processes of this
# machine sees it, and the token, in their arguments.
set -eu

redis() { redis-cli --no-auth-warning -u "$url" "$@"; }

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

# send STREAM KEY PAYLOAD: signs the payload, which has to be canonical JSON, and a nonce that is used once.
send() {
  nonce=$(openssl rand -hex 16)
  work=$(mktemp)
  printf '%s.%s' "$3" "$nonce" >"$work"
  signature=$(openssl pkeyutl -sign -rawin -inkey "$2" -in "$work" | base64 | tr -d '\n')
  rm -f "$work"
  [ -n "$signature" ] || fail "cannot sign with the key in $2"
  redis XADD "$1" '*' pubkey "$(cat "$2-cert.pub")" payload "$3" nonce "$nonce" sig "$signature" >/dev/null
}

# latest STREAM NONCE: the lines `name value` of the latest entry, or of that which has the nonce; none where there is none.
latest() {
  # In turn: the id of an entry, and its names and values, each on a line.
  redis XRANGE "$1" - + | awk -v nonce="$2" '
    /^[0-9]+-[0-9]+$/ { if (mine) keep = lines; lines = name = ""; mine = nonce == ""; next }
    name == "" { name = $0; next }
    { if (name == "nonce" && $0 == nonce) mine = 1; lines = lines name " " $0 "\n"; name = "" }
    END { if (mine) keep = lines; printf "%s", keep }'
}

# answer STREAM: what is there under the nonce, as soon as it is.
answer() {
  for _ in $(seq 100); do
    said=$(latest "$1" "$nonce")
    if [ -n "$said" ]; then
      printf '%s\n' "$said"
      return
    fi
    sleep 0.1
  done
  fail "no answer in $1"
}

# member NAME: of the answer on standard input, which has to have it.
member() {
  lines=$(cat)
  value=$(printf '%s\n' "$lines" | sed -n "s/^$1 //p")
  [ -n "$value" ] || fail "refused: $lines"
  printf '%s\n' "$value"
}

command=${1-}
[ $# -eq 0 ] || shift
case "$command $#" in
  "key 1" | "register 2" | "token 3" | "renew 3" | "subject 5" | "publish 2") ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
case $command in
  key)
    (umask 077 && openssl genpkey -algorithm ed25519 -out "$1")
    # A public key of SSH is its type and 32 bytes, each behind its length.
    public=$({
      printf '\000\000\000\013ssh-ed25519\000\000\000\040'
      openssl pkey -in "$1" -pubout -outform DER | tail -c 32
    } | base64 | tr -d '\n')
    printf 'ssh-ed25519 %s\n' "$public" >"$1.pub"
    ;;
  register)
    url=$1
    while :; do
      send fdc:register "$2" '{"action":"register","producer_hint":"producer.sh"}'
      # A key that waits is answered once, and then when somebody has decided about it. The next round has another nonce.
      for _ in $(seq 100); do
        said=$(latest "fdc:register:resp:$nonce" "")
        case $(printf '%s\n' "$said" | sed -n 's/^status //p') in
          "" | pending) sleep 0.1 ;;
          rate_limited) sleep 6 && break ;;
          approved)
            printf '%s\n' "$said" | member producer_id
            exit
            ;;
          *) fail "refused: $said" ;;
        esac
      done
      echo "waiting until somebody approves this key" >&2
    done
    ;;
  token)
    url=$1
    send fdc:token:exchange "$2" "{\"action\":\"exchange\",\"producer_id\":\"$3\"}"
    answer "fdc:token:resp:$3" | member token
    ;;
  renew)
    url=$1
    nonce=$(openssl rand -hex 16)
    redis XADD fdc:token:exchange '*' token "$3" nonce "$nonce" >/dev/null
    answer "fdc:token:resp:$2" | member token
    ;;
  subject)
    url=$1
    send fdc:subject:register "$2" "{\"op\":\"register\",\"schema_body\":{},\"schema_name\":\"$5\",\"subject_key\":\"$4\"}"
    answer "fdc:subject:resp:$3" | member subject_id
    ;;
  publish)
    url=$1
    while IFS= read -r event; do
      redis XADD events '*' payload "$event" token "$2"
    done
    ;;
esac
