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

/** SmolLM3, as far as its switch goes: with it in the system message a turn begins with an empty think block. */
export const SMOLLM3 = `{%- set mode = namespace(thinks=true) -%}
{%- if messages[0].role == 'system' and '/no_think' in messages[0].content -%}
{%- set mode.thinks = false -%}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' + ('' if mode.thinks else '<think>\\n\\n</think>\\n') -}}
{%- endif -%}`;

/** Mistral 7B v0.3 and Nemo: the system message stands in the last turn of the user. */
export const MISTRAL_SYSTEM = `{{- bos_token -}}
{%- if messages[0].role == 'system' -%}
{%- set system_message = messages[0].content -%}
{%- set turns = messages[1:] -%}
{%- else -%}
{%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
{%- if message.role == 'user' and loop.last and system_message is defined -%}
{{- '[INST] ' + system_message + '\\n\\n' + message.content + ' [/INST]' -}}
{%- elif message.role == 'user' -%}
{{- '[INST] ' + message.content + ' [/INST]' -}}
{%- else -%}
{{- ' ' + message.content + eos_token -}}
{%- endif -%}
{%- endfor -%}`;
