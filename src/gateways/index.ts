export { type EngineFaults, type EngineGatewayOptions, engineGateway } from './engine/index.ts';
