import { storeConformance } from './conformance.ts';
import { filesTrial } from './support/files-trial.ts';

storeConformance('the files driver', filesTrial, { runs: 100 });
