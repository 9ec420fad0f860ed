export {
  type AtroposGateway,
  type AtroposLimits,
  type AtroposOptions,
  startAtroposGateway,
} from './atropos/index.ts';
export { type EngineFaults, type EngineGatewayOptions, engineGateway } from './engine/index.ts';
