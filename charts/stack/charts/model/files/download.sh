# Run a download, and say that it is complete when it is: the marker is written last, under its name only when it is whole.
# sh, because it also runs in an image that has nothing but `aws`.
#
# download.sh COMMAND...   which downloads into $FOLDER
#
#   FOLDER   where the weights go
#   MARKER   file beside it that says that nothing is missing
set -eu

if [ -e "$MARKER" ]; then
  echo "$FOLDER is complete already"
  exit 0
fi
# What was downloaded before a failure stays, so that a second try only fetches the rest.
mkdir -p "$FOLDER"
"$@" &
download=$!
# The first process of a container hears no signal that it has no trap for: a pod that is deleted would end 30 seconds later.
trap 'kill "$download"; wait "$download" || :; exit 143' TERM
wait "$download"
if ! ls "$FOLDER"/*.json > /dev/null 2>&1; then
  echo "no model is in $FOLDER after $*: is that where its config.json lies?" >&2
  exit 1
fi
sync
echo "$*" > "$MARKER.new"
mv -f "$MARKER.new" "$MARKER"
echo "$FOLDER is complete"
