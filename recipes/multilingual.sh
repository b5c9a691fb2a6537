#!/usr/bin/env bash
# A bridge for other languages: a sentence encoder and a small language model that both know them, and texts in them.
#
#   recipes/multilingual.sh CORPUS OUT [ENCODER [LM]]
#
# CORPUS     texts in the languages that you want: JSON lines with "text", plain text, Parquet, ...; mixed languages may
#            stand in one file. A hundred thousand passages of one to three sentences make a first bridge.
# OUT        the bridge directory; the same command resumes
# ENCODER    a multilingual sentence-transformers model (50 languages, Apache-2.0, 470 MB)
# LM         a causal language model that writes these languages (29 of them, Apache-2.0, 1 GB)
set -euo pipefail
corpus=$1 out=$2
encoder=${3:-sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2} lm=${4:-Qwen/Qwen2.5-0.5B}

# As recipes/tiny.sh, but without --clean and --max-tokens-per-word, which keep plain English alone.
smotext train "$corpus" --out "$out" --lm "$lm" --encoder "$encoder" \
  --prompt-style list --projector-type mlp2x_gelu --soft-tokens 4 \
  --min-tokens 6 --max-tokens 80 --max-sentences 3 --held-out 600 --document-share 0.4 \
  --max-passages 150000 --group-size 8 \
  --train projector+lora --lora-rank 16 --lora-alpha 32 --learning-rate 2e-3 --lora-learning-rate 2e-4 --beta2 0.98 \
  --warmup-ratio 0.02 --final-ratio 0.05 --batch-size 32 --micro-tokens 768 --precision bfloat16 \
  --most-examples 4 --example-share 0.7 --noise 0.05 --mix-share 0.2 --prompt 0 \
  --guidance 1.0 --trained-guidance 1.0 --random-seed 0
