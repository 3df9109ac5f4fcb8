/**
 * Shortened event streams as OpenAI, Anthropic, Gemini and Qwen send them.
 */
export const recordings: Record<string, string> = {
  OpenAI: `data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Grüße, 世界 😀\\n"},"finish_reason":null}]}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

`,
  Anthropic: `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"input_tokens":25,"output_tokens":1}}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hé, “so”"}}

: kept alive

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\": "}}

event: message_stop
data: {"type":"message_stop"}

`,
  Gemini: [
    'data: {"candidates": [{"content": {"parts": [{"text": "Le cœur — "}],"role": "model"},"index": 0}]}',
    '',
    'data: {',
    'data:   "candidates": [{"content": {"parts": [{"text": "日本語"}]},"finishReason": "STOP"}]',
    'data: }',
    '',
    '',
  ].join('\r\n'),
  Qwen: `id:1
event:result
:HTTP_STATUS/200
data:{"output":{"choices":[{"message":{"content":"你","role":"assistant"},"finish_reason":"null"}]},"usage":{"total_tokens":12},"request_id":"r-1"}

id:2
event:result
:HTTP_STATUS/200
data:{"output":{"choices":[{"message":{"content":"你好！","role":"assistant"},"finish_reason":"stop"}]},"request_id":"r-1"}

`,
}
