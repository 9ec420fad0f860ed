// harbor.ts
import { harborEnvironment } from 'lachesis';

export default harborEnvironment('examples/harbor-tasks');
