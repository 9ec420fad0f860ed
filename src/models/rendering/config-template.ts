import type { JsonObject } from '../../messages.ts';
import { isJsonObject } from '../../messages.ts';

/**
 * The chat template of a tokenizer_config.json. Where it lists several, it is the one named `tool_use` for
 * a conversation with tools and `default` for others, as the models' own stack picks them.
 */
export function chatTemplateOf(config: JsonObject): string | undefined {
  const found = config['chat_template'];
  if (typeof found === 'string') return found;
  if (!Array.isArray(found)) return undefined;
  const named = new Map(
    found.filter(isJsonObject).map((entry) => [entry['name'], entry['template']]),
  );
  const textOf = (name: string): string | undefined => {
    const template = named.get(name);
    return typeof template === 'string' ? template : undefined;
  };
  const [tools, plain] = [textOf('tool_use'), textOf('default')];
  if (tools === undefined || plain === undefined) return tools ?? plain;
  return `{% if tools %}${nested(tools)}{% else %}${nested(plain)}{% endif %}`;
}

/**
 * A template as a part of another, with the white space that Jinja takes off at its edges and in its lines
 * as when it is whole: the block before it takes the line break, and the last one never counts.
 */
function nested(template: string): string {
  return `\n${template.replace(/\r?\n$/, '')}{{ '' }}`;
}
