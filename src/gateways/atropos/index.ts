export { type AtroposGateway, startAtroposGateway } from './gateway.ts';
export type { AtroposLimits, AtroposOptions } from './gateway-options.ts';
