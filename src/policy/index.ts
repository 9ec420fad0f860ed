/** The embedded trainable policy: a small attention language model that learns from reward. */
export * from './chat-template.ts';
