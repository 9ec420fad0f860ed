// Chat templates in the shape of families whose packages bring a tokenizer and no template.

/** Llama 2: the user's turns in [INST] ... [/INST], which are plain text to its tokenizer; no tools. */
export const LLAMA2_CHAT = `{%- for message in messages -%}
{%- if message.role == 'user' -%}
{{- bos_token + '[INST] ' -}}
{%- if loop.index0 == 1 and messages[0].role == 'system' -%}
{{- '<<SYS>>\\n' + messages[0].content + '\\n<</SYS>>\\n\\n' -}}
{%- endif -%}
{{- message.content | trim + ' [/INST]' -}}
{%- elif message.role == 'assistant' -%}
{{- ' ' + message.content | trim + ' ' + eos_token -}}
{%- elif message.role != 'system' or not loop.first -%}
{{- raise_exception('only user and assistant take turns here, not ' + message.role) -}}
{%- endif -%}
{%- endfor -%}`;

/** Mistral with tools: they stand before the last user's message, so that a new one moves them. */
export const MISTRAL_TOOLS = `{{- bos_token -}}
{%- set users = namespace(last=-1) -%}
{%- for message in messages -%}
{%- if message.role == 'user' -%}{%- set users.last = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
{%- if message.role == 'user' -%}
{%- if tools is not none and loop.index0 == users.last -%}
{{- '[AVAILABLE_TOOLS] ' + (tools | tojson) + '[/AVAILABLE_TOOLS]' -}}
{%- endif -%}
{{- '[INST] ' + message.content + '[/INST]' -}}
{%- elif message.role == 'assistant' and message.tool_calls -%}
{{- '[TOOL_CALLS] [' -}}
{%- for call in message.tool_calls -%}
{%- if call.id | length != 9 -%}{{- raise_exception('ids of calls have nine letters') -}}{%- endif -%}
{{- (call.function | tojson)[:-1] + ', "id": "' + call.id + '"}' + (', ' if not loop.last else '') -}}
{%- endfor -%}
{{- ']' + eos_token -}}
{%- elif message.role == 'assistant' -%}
{{- ' ' + message.content + eos_token -}}
{%- elif message.role == 'tool' -%}
{{- '[TOOL_RESULTS] {"content": ' + (message.content | tojson) + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' -}}
{%- else -%}
{{- raise_exception('no place for a message of ' + message.role) -}}
{%- endif -%}
{%- endfor -%}`;
