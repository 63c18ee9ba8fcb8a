# Run a scanner over the model's files. Exit 1 when it finds something, which ends the Job; 2 when it could not be run,
# which is tried again. Both picklescan and clamscan exit 0 for nothing found, 1 for a finding, anything else for a failure.
#
# scan.sh COMMAND...
#
#   INSTALL   what pip installs for the command; empty for nothing
set -u

if [ -n "${INSTALL:-}" ]; then
  pip install --no-cache-dir --quiet --target /tmp/scanner "$INSTALL" || exit 2
fi
"$@"
case $? in
  0) echo "the scanner found nothing, which is no proof that there is nothing" ;;
  1)
    echo "the scanner found something: nothing is uploaded" >&2
    exit 1
    ;;
  *)
    echo "the scanner failed, so nothing is uploaded: $*" >&2
    exit 2
    ;;
esac
