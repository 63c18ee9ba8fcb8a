# Upload the model's files, say every ten seconds how many, and write the marker when nothing is missing.
# sh without find and grep, because the image has nothing but `aws`.
#
#   FOLDER     place of this model on the volume
#   TARGET     s3:// folder that the files go to
#   MARKER     s3:// object that is written last
#   GGUF       s3:// folder that model.gguf goes to; empty where nothing was converted
#   ENDPOINT   address of the store; empty for Amazon's
#   EVERY      seconds from one line to the next; default 10
set -eu

# Newer clients send checksums unasked, which not every store but Amazon's takes. The Secret may say otherwise.
if [ -n "${ENDPOINT:-}" ]; then
  export AWS_REQUEST_CHECKSUM_CALCULATION="${AWS_REQUEST_CHECKSUM_CALCULATION:-when_required}"
  export AWS_RESPONSE_CHECKSUM_VALIDATION="${AWS_RESPONSE_CHECKSUM_VALIDATION:-when_required}"
fi
log=/tmp/upload-$$.log
: > "$log"
count() {
  for each in "$1"/*; do
    if [ -d "$each" ]; then count "$each"; elif [ -e "$each" ]; then echo "$each"; fi
  done
}
uploaded() {
  while read -r line; do
    case $line in upload:*) echo "$line" ;; esac
  done < "$log"
}
progress() {
  echo "downloaded files: $files, uploaded files: $(uploaded | wc -l | tr -d ' ')"
}
# Run `aws` with what it is told, a line of progress now and then, and fail as it does.
follow() {
  aws "$@" ${ENDPOINT:+--endpoint-url "$ENDPOINT"} >> "$log" &
  upload=$!
  # The first process of a container hears no signal that it has no trap for.
  trap 'kill "$upload"; wait "$upload" || :; exit 143' TERM
  while kill -0 "$upload" 2> /dev/null; do
    sleep 1
    seconds=$((seconds + 1))
    if [ $((seconds % ${EVERY:-10})) -eq 0 ]; then progress; fi
  done
  wait "$upload" || {
    echo "failed: aws $*" >&2
    exit 1
  }
}

seconds=0
files=$(count "$FOLDER/model" | wc -l | tr -d ' ')
if [ "$files" -eq 0 ]; then
  echo "nothing is in $FOLDER/model: was it downloaded?" >&2
  exit 1
fi
# A marker says of the folder's files that they are there, and these are about to be others: none outlives them, not
# that of another revision either.
follow s3 rm "${TARGET%/*}/" --recursive --exclude '*' --include "${TARGET##*/}.*.complete"
follow s3 rm "$MARKER"
# What begins with a dot is the download's own, or git's.
follow s3 sync "$FOLDER/model" "$TARGET" --exclude '.*' --no-progress
if [ -n "${GGUF:-}" ]; then follow s3 cp "$FOLDER/gguf/model.gguf" "$GGUF/model.gguf" --no-progress; fi
progress
# Files that an earlier try has uploaded are not uploaded again, so the number may be less than that of the files.
echo "$files files are in $TARGET" > "$log.done"
aws s3 cp "$log.done" "$MARKER" --no-progress ${ENDPOINT:+--endpoint-url "$ENDPOINT"} > /dev/null
echo "$TARGET is complete, $MARKER says so"
