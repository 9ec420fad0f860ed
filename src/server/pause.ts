export { pause } from '../async/index.ts';
