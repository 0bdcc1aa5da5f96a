"""Draw the sample company's people: nobody real, everybody clearly apart for the face engine."""
