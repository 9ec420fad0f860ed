export { type EngineGatewayOptions, engineGateway } from './engine-gateway.ts';
export type { EngineFaults } from './faults.ts';
