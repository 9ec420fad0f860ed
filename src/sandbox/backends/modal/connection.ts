import type { App, Image, ModalClient } from 'modal';
import type { ModalSettings } from './options.ts';

/** Images whose ids are remembered; beyond it the oldest is asked for again. */
const MAX_IMAGES = 256;

/** Modal's client, loaded and made on first use, with what is asked of it once: the app and its images. */
export class ModalConnection {
  readonly #settings: ModalSettings;
  #client: Promise<ModalClient> | undefined;
  #app: Promise<App> | undefined;
  readonly #images = new Map<string, Promise<Image>>();

  constructor(settings: ModalSettings) {
    this.#settings = settings;
  }

  client(): Promise<ModalClient> {
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  app(): Promise<App> {
    const { appName, environment } = this.#settings;
    this.#app ??= this.client()
      .then((client) =>
        client.apps.fromName(appName, {
          createIfMissing: true,
          ...(environment === undefined ? {} : { environment }),
        }),
      )
      .catch((error: unknown) => {
        this.#app = undefined;
        throw error;
      });
    return this.#app;
  }

  /** A registry's tag, or the id of an image or snapshot of Modal's. */
  image(name: string): Promise<Image> {
    const known = this.#images.get(name);
    if (known !== undefined) return known;
    const found = this.#findImage(name).catch((error: unknown) => {
      this.#images.delete(name);
      throw error;
    });
    if (this.#images.size >= MAX_IMAGES) {
      const [oldest = ''] = this.#images.keys();
      this.#images.delete(oldest);
    }
    this.#images.set(name, found);
    return found;
  }

  /** Nothing is sent by it: Modal's connections end with the process. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    client?.close();
  }

  async #findImage(name: string): Promise<Image> {
    const client = await this.client();
    if (name.startsWith('im-')) return await client.images.fromId(name);
    return await client.images.fromRegistry(name).build(await this.app());
  }

  async #connect(): Promise<ModalClient> {
    const { tokenId, tokenSecret, environment, maxThrottleWaitMs, onWarning } = this.#settings;
    const { ModalClient } = await import('modal');
    const warn = (message: string, ...facts: unknown[]): void =>
      onWarning([message, ...facts].join(' '));
    return new ModalClient({
      ...(tokenId === undefined ? {} : { tokenId }),
      ...(tokenSecret === undefined ? {} : { tokenSecret }),
      ...(environment === undefined ? {} : { environment }),
      // Without it a throttled call is tried for ever.
      maxThrottleWaitSecs: Math.max(1, Math.ceil(maxThrottleWaitMs / 1_000)),
      logger: { debug: () => {}, info: () => {}, warn, error: warn },
    });
  }
}
