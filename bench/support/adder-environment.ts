/** What `lachesis process` plays in the process benchmark. */
export { adder as default } from './adder.ts';
