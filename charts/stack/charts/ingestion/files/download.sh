# Download the model's files, and say every ten seconds how many are there. What an earlier try has left is taken up again.
#
# download.sh COMMAND...   which downloads into $FOLDER/model
#
#   FOLDER   place of this model on the volume
#   HUB      what pip installs for the command, such as huggingface_hub==2.4.0
#   EVERY    seconds from one line to the next; default 10
set -eu

count() {
  for each in "$1"/*; do
    if [ -d "$each" ]; then count "$each"; elif [ -e "$each" ]; then echo "$each"; fi
  done
}
progress() { echo "downloaded files: $(count "$FOLDER/model" | wc -l | tr -d ' '), uploaded files: 0"; }

# Another model or revision was there before; this volume holds one.
for old in "$(dirname "$FOLDER")"/*; do
  [ "$old" = "$FOLDER" ] || [ "${old##*/}" = lost+found ] || rm -rf "$old"
done
mkdir -p "$FOLDER/model"
pip install --no-cache-dir --quiet --target /tmp/hub "$HUB"
"$@" &
download=$!
# The first process of a container hears no signal that it has no trap for.
trap 'kill "$download"; wait "$download" || :; exit 143' TERM
seconds=0
while kill -0 "$download" 2> /dev/null; do
  sleep 1
  seconds=$((seconds + 1))
  if [ $((seconds % ${EVERY:-10})) -eq 0 ]; then progress; fi
done
wait "$download"
progress
if [ -z "$(count "$FOLDER/model")" ]; then
  echo "nothing was downloaded by: $*" >&2
  exit 1
fi
