#!/usr/bin/env bash
# The bundled bridge.
#
#   recipes/tiny.sh CORPUS_DIR FIRST_BRIDGE OUT
#
# CORPUS_DIR    the six corpus files named below
# FIRST_BRIDGE  the bridge it starts from: all-MiniLM-L6-v2's own layers as a decoder (docs/bridges.md)
# OUT           the bridge directory; checkpoints lie in OUT.run, and the same command resumes there
set -euo pipefail
corpus=$1 first=$2 out=$3

smotext train "$corpus"/{changelog_transcripts,digitalgov,gutenberg_third,medquad,sgd_dialogues,wikipedia_en_2014}.jsonl.xz \
  --bridge "$first" --encoder tiny --out "$out" \
  --clean --max-tokens-per-word 1.5 --max-tokens 32 --max-sentences 2 --max-passages 180000 --held-out 1000 \
  --train all --optimizer muon --learning-rate 8e-4 --beta2 0.98 --batch-size 256 --noise 0.1 --prompt 0 \
  --precision bfloat16 --epochs 20 --max-steps 921 --random-seed 0 --guidance 1.0 \
  --data "Wikipedia | core articles of English Wikipedia, 2014 | CC BY-SA" \
  --data "Project Gutenberg | English books | public domain (US)" \
  --data "The Changelog | podcast transcripts | CC BY-SA 4.0" \
  --data "MedQuAD | medical questions and answers | CC BY 4.0" \
  --data "Schema-Guided Dialogue | user and assistant turns | CC BY-SA 4.0" \
  --data "digital.gov | articles | CC0, public domain (US)" \
  --data "all-MiniLM-L6-v2 | where the decoder's layers and embeddings began | Apache-2.0"
