"""`macaw train --plan`: steps, memory and time, before anything is trained."""
