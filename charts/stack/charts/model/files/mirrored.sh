# Wait until a store has everything: until the object is there that whoever fills it writes last.
# `aws s3 ls` exits 1 where nothing is there, and with another number when it cannot look.
#
#   MIRRORED   s3:// object
#   ENDPOINT   address of the store; empty for Amazon's
#   EVERY      seconds from one look to the next; default 10
set -eu

trap 'exit 143' TERM
until aws s3 ls "$MIRRORED" ${ENDPOINT:+--endpoint-url "$ENDPOINT"} > /dev/null; do
  code=$?
  if [ "$code" -ne 1 ]; then
    echo "cannot look for $MIRRORED: aws exits with $code" >&2
    exit "$code"
  fi
  echo "waiting for $MIRRORED, which is written when everything is there"
  sleep "${EVERY:-10}" &
  wait $!
done
echo "$MIRRORED is there"
