# Make one GGUF file of the model's weights with llama.cpp.
#
#   FOLDER     place of this model on the volume; the file becomes $FOLDER/gguf/model.gguf
#   OUTTYPE    number format of the conversion
#   QUANTIZE   format that it is quantised to; empty for none
#   LLAMA      folder with convert_hf_to_gguf.py and llama-quantize; default /app
set -eu

llama=${LLAMA:-/app}
if [ -e "$FOLDER/gguf/model.gguf" ]; then
  echo "was converted before"
  exit 0
fi
mkdir -p "$FOLDER/gguf"
python3 "$llama/convert_hf_to_gguf.py" "$FOLDER/model" --outtype "$OUTTYPE" --outfile "$FOLDER/gguf/converted.new"
if [ -n "${QUANTIZE:-}" ]; then
  "$llama/llama-quantize" "$FOLDER/gguf/converted.new" "$FOLDER/gguf/quantized.new" "$QUANTIZE"
  mv -f "$FOLDER/gguf/quantized.new" "$FOLDER/gguf/converted.new"
fi
# Under its name only when it is whole.
mv -f "$FOLDER/gguf/converted.new" "$FOLDER/gguf/model.gguf"
echo "converted to $OUTTYPE ${QUANTIZE:-}"
